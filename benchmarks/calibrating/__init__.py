"""Records, calibration and tables of `bench_coverage.py`."""
