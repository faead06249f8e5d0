// A Plotly chart that lives through new data: zoom, tool, legend and chosen points stay, points glide to their
// new places.
//
// Streamlit calls the default export on mount, on new data and on a change of theme; what it returns is called
// when the chart leaves the page. Colours are written as names and looked up in the page's theme:
// "@0".."@9" categorical, "@text", "@muted", "@line", "@primary", "@red", "@orange", "@green".

const NAMES = {text: "text-color", muted: "gray-color", line: "border-color-light", primary: "primary-color",
  red: "red-color", orange: "orange-color", green: "green-color", paper: "background-color"};
const DATA = ["x", "y", "customdata", "text"];  // holds no colours, whatever it begins with
const USELESS = ["sendChartToCloud", "resetScale2d"], CHOOSING = ["lasso2d", "select2d"];  // tools
const CLEAR = "rgba(0,0,0,0)";
const THUMB = 96;
const FRAME = 25;  // milliseconds of rest between two frames of a glide

const ready = () => window.Plotly ? Promise.resolve()
  : new Promise((done) => window.addEventListener("plotly-ready", done, {once: true}));

const themeOf = (element) => {
  const css = getComputedStyle(element), read = (name) => css.getPropertyValue("--st-" + name).trim();
  const wheel = read("chart-categorical-colors").split(",");
  const color = (name) => /^\d+$/.test(name) ? wheel[name % wheel.length] : read(NAMES[name] ?? "text-color");
  return {color, font: read("font"), id: read("text-color") + read("background-color")};
};

const paint = (value, theme) => {
  if (typeof value === "string") return value.startsWith("@") ? theme.color(value.slice(1)) : value;
  if (Array.isArray(value)) return value.map((item) => paint(item, theme));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(
    ([key, item]) => [key, /color$/i.test(key) || typeof item === "object" && !DATA.includes(key)
      ? paint(item, theme) : item]));
};

const dress = (layout, height, theme) => {
  const worn = paint(layout, theme);
  const axis = (given) => ({gridcolor: theme.color("line"), zeroline: false, automargin: true, ...given});
  const look = {uirevision: "keep", paper_bgcolor: CLEAR, plot_bgcolor: CLEAR, autosize: true, height,
    font: {color: theme.color("text"), family: theme.font, size: 12}, margin: {l: 44, r: 12, t: 8, b: 36},
    hoverlabel: {bgcolor: theme.color("paper"), bordercolor: theme.color("line"), font: {color: theme.color("text")}},
    legend: {orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", bgcolor: CLEAR},
    ...worn, modebar: {uirevision: "keep", bgcolor: CLEAR, color: theme.color("muted"),
      activecolor: theme.color("primary"),
      remove: worn.dragmode === "lasso" ? USELESS : [...USELESS, ...CHOOSING], ...worn.modebar}};
  const second = look.yaxis2 ? {yaxis2: axis(look.yaxis2)} : {};
  return {...look, ...second, xaxis: axis(look.xaxis), yaxis: axis(look.yaxis)};
};

// Points go on being chosen by their numbers, wherever they move; the line that was drawn around them goes.
const choose = (traces, numbers) => numbers?.length ? traces.map((trace) => trace.customdata ? {...trace,
  selectedpoints: trace.customdata.flatMap((number, i) => numbers.includes(number) ? [i] : [])} : trace) : traces;

const points = (gd) => [...gd.querySelectorAll(".scatterlayer .point")];
const placeOf = (point) => (point.getAttribute("transform") ?? "").match(/-?[\d.]+(e-?\d+)?/g)?.map(Number) ?? [0, 0];
const eased = (share) => share * share * (3 - 2 * share);

// Points move as pictures on a canvas: moving the drawn ones themselves keeps the page too busy to answer.
const glide = (gd, from, ms) => {
  const now = points(gd), size = gd._fullLayout?._size, layers = [...gd.querySelectorAll(".scatterlayer")];
  if (now.length !== from.length || !now.length) return;
  const canvas = document.createElement("canvas"), sharp = devicePixelRatio, began = performance.now();
  Object.assign(canvas, {width: size.w * sharp, height: size.h * sharp, ariaHidden: true});
  canvas.style.cssText = `position:absolute;left:${size.l}px;top:${size.t}px;width:${size.w}px;pointer-events:none`;
  const pen = canvas.getContext("2d"), dots = now.map((point, i) => ({path: new Path2D(point.getAttribute("d")),
    fill: point.style.fill, opacity: point.style.opacity || 1, start: from[i], end: placeOf(point)}));
  const show = (visibility) => layers.forEach((layer) => { layer.style.visibility = visibility; });
  gd.land = () => { canvas.remove(); show(""); gd.land = undefined; };
  const frame = (time) => {
    const share = Math.min(1, Math.max(0, time - began) / ms), moved = eased(share);
    if (!canvas.isConnected || share === 1) return gd.land?.();
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (const {path, fill, opacity, start, end} of dots) {
      const [x, y] = [0, 1].map((axis) => sharp * (start[axis] + moved * (end[axis] - start[axis])));
      pen.setTransform(sharp, 0, 0, sharp, x, y);
      Object.assign(pen, {fillStyle: fill, globalAlpha: opacity});
      pen.fill(path);
    }
    setTimeout(() => requestAnimationFrame(frame), FRAME);
  };
  show("hidden");
  gd.querySelector(".svg-container").append(canvas);
  requestAnimationFrame(frame);
};

const canGlide = (old, traces) => old?.length === traces.length
  && traces.every((trace, i) => trace.x.length === old[i].x?.length)
  && !matchMedia("(prefers-reduced-motion: reduce)").matches;

const showThumb = (gd, tip, point, event) => {
  const sheet = window.thumbSheets?.[gd.latest.sheet], index = point.customdata;
  if (index === undefined || !(sheet || point.data.mode === "markers")) return;  // else the name is written there
  const picture = tip.firstElementChild, caption = tip.lastElementChild;
  const column = index % sheet?.columns;
  picture.style.cssText = !sheet ? "display:none"
    : `width:${THUMB}px;height:${THUMB}px;image-rendering:pixelated;border-radius:4px;`
    + `background:url("${sheet.url}") ${-column * THUMB}px ${-Math.floor(index / sheet.columns) * THUMB}px`
    + ` / ${sheet.columns * THUMB}px auto`;
  caption.textContent = point.text ?? "";
  const left = Math.min(event.clientX + 14, innerWidth - THUMB - 24);
  const top = Math.min(event.clientY + 14, innerHeight - THUMB - 48);
  Object.assign(tip.style, {display: "block", left: left + "px", top: top + "px"});
};

const wire = (gd, tip, {setStateValue, setTriggerValue}) => {
  const number = (point) => point.customdata ?? point.pointIndex;
  const select = (points) => { gd.chosen = points.map(number); setStateValue("selected", gd.chosen); };
  // Plotly says this too, without points or line, when a click drew no line or new data took the line away
  gd.on("plotly_selected", (event) => {
    if (event?.points.length || event?.selections.length) select(event.points);
  });
  gd.on("plotly_deselect", () => select([]));
  gd.on("plotly_click", ({points: [point]}) => setTriggerValue("clicked", number(point)));
  gd.on("plotly_hover", ({points: [point], event}) => showThumb(gd, tip, point, event));
  gd.on("plotly_unhover", () => { tip.style.display = "none"; });
};

const draw = (gd, tip, say) => {
  const {traces, layout, height, version, glideMs, alt} = gd.latest, theme = themeOf(gd);
  gd.setAttribute("aria-label", alt);
  if (version && gd.version === version && gd.theme === theme.id) return;  // nothing new: leave the plot alone
  const moves = glideMs && gd.version !== undefined && gd.version !== version && canGlide(gd.data, traces);
  const from = moves && points(gd).map(placeOf);
  gd.land?.();
  gd.drawing = window.Plotly.react(gd, paint(choose(traces, gd.chosen), theme),
    dress({selectionrevision: version, ...layout}, height, theme), {responsive: true, displaylogo: false});
  if (moves) gd.drawing.then(() => glide(gd, from, glideMs));
  if (gd.version === undefined) wire(gd, tip, say);
  Object.assign(gd, {version, theme: theme.id});
};

// A chart takes longer than the words beside it: they come first, and a click may come in between.
const afterPaint = (act) => requestAnimationFrame(() => setTimeout(act));

export default function ({data, parentElement, ...say}) {
  const gd = parentElement.querySelector(".plot"), tip = parentElement.querySelector(".tip");
  const drawIt = () => { gd.waits = false; if (gd.isConnected && !gd.gone) draw(gd, tip, say); };
  Object.assign(gd, {latest: JSON.parse(new TextDecoder().decode(data)), gone: false});
  if (!gd.waits) ready().then(() => afterPaint(drawIt));
  gd.waits = true;
  return () => {
    Object.assign(gd, {version: undefined, gone: true});
    tip.style.display = "none";
    gd.removeAllListeners?.();
    // Plotly looks at the plot once more when it has finished drawing
    Promise.resolve(gd.drawing).finally(() => gd.gone && window.Plotly?.purge(gd));
  };
}
