// The page of a training run: one chart for each learning curve.

class LearningCurves {
  constructor(charts) {
    const box = document.getElementById("charts");
    for (const { title, label, log, higher, series, levels } of charts) {
      const part = document.createElement("div");
      const heading = document.createElement("h3");
      heading.textContent = title;
      part.append(heading);
      box.append(part);
      new LineChart(part, { series, levels, x: { label: "step" }, y: { label, log, higher }, label: `${title} by step`, height: 230 });
    }
  }
}

document.documentElement.classList.add("js");
startTables();
new LearningCurves(JSON.parse(document.getElementById("training-content").textContent).charts);
