// The page is complete without this: here is only what paper and a change between light and dark ask for.
for (const note of document.querySelectorAll(".unscripted")) note.hidden = true;

// Figures take their colours from the page each time that they are painted.
function paintFigures() {
  for (const view of window.Bokeh?.index?.query(one => typeof one.request_paint === "function" && typeof one.paint === "function") ?? []) {
    if (!("canvas_view" in view)) continue;
    view.request_paint();
    view.paint();
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintFigures);

const folded = [];

addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    folded.push(details);
  }
  document.documentElement.classList.add("paper");
  paintFigures();
  for (const plot of document.querySelectorAll(".plot")) {
    const width = plot.clientWidth;
    Object.assign(plot.style, {width: width + "px", zoom: Math.min(1, 690 / width)});
  }
});

addEventListener("afterprint", () => {
  for (const details of folded.splice(0)) details.open = false;
  for (const plot of document.querySelectorAll(".plot")) plot.removeAttribute("style");
  document.documentElement.classList.remove("paper");
  paintFigures();
});
