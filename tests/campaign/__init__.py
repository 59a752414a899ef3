"""Seeded attacks on the command line: damaged recordings, impossible configurations, processes that are killed.

``make campaign`` runs all of them and writes ``benchmarks/results/campaign.md``; ``tests/test_campaign.py`` runs a few.
Case k of a kind depends on nothing but its number, so that every failure can be repeated:
``python -m campaign recordings --only 123``.
"""
