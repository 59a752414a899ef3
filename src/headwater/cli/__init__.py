"""The command line: one thin sub-command per public function."""

from headwater.cli.app import app, main
from headwater.cli.benchmark import benchmark
from headwater.cli.demo import demo
from headwater.cli.info import info, list_
from headwater.cli.localize import localize
from headwater.cli.pipeline import pipeline
from headwater.cli.report import report
from headwater.cli.simulate import simulate
from headwater.cli.stream import stream
from headwater.cli.train import train

app.command("localize")(localize)
app.command("simulate")(simulate)
app.command("train")(train)
app.command("benchmark")(benchmark)
app.command("report")(report)
app.command("stream")(stream)
app.command("pipeline")(pipeline)
app.command("demo")(demo)
app.command("list")(list_)
app.command("info")(info)

__all__ = ["app", "main"]
