// A Plotly chart that lives through new data: zoom, legend and lasso stay, points glide to their new places.
//
// Streamlit calls the default export on mount, on new data and on a change of theme; what it returns is called
// when the chart leaves the page. Colours are written as names and looked up in the page's theme:
// "@0".."@9" categorical, "@text", "@muted", "@line", "@primary", "@red", "@orange", "@green".

const NAMES = {text: "text-color", muted: "gray-color", line: "border-color-light", primary: "primary-color",
  red: "red-color", orange: "orange-color", green: "green-color", paper: "background-color"};
const DATA = ["x", "y", "customdata", "text"];  // holds no colours, whatever it begins with
const CLEAR = "rgba(0,0,0,0)";
const THUMB = 96;

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
  const axis = (given) => ({gridcolor: theme.color("line"), zeroline: false, automargin: true, ...given});
  const look = {uirevision: "keep", paper_bgcolor: CLEAR, plot_bgcolor: CLEAR, autosize: true, height,
    font: {color: theme.color("text"), family: theme.font, size: 12}, margin: {l: 44, r: 12, t: 8, b: 36},
    hoverlabel: {bgcolor: theme.color("paper"), bordercolor: theme.color("line"), font: {color: theme.color("text")}},
    legend: {orientation: "h", x: 0, y: 1, xanchor: "left", yanchor: "bottom", bgcolor: CLEAR},
    modebar: {bgcolor: CLEAR, color: theme.color("muted"), activecolor: theme.color("primary"),
      remove: ["sendChartToCloud", "resetScale2d"]},
    ...paint(layout, theme)};
  return {...look, xaxis: axis(look.xaxis), yaxis: axis(look.yaxis)};
};

const placed = (traces) => traces.map(({x, y}) => ({x: Array.from(x), y: Array.from(y)}));

const canGlide = (old, traces) => old?.length === traces.length
  && traces.every((trace, i) => trace.x.length === old[i].x?.length)
  && !matchMedia("(prefers-reduced-motion: reduce)").matches;

const glide = (gd, from, to, ms) => {
  const start = performance.now(), token = (gd.gliding = {}), all = to.map((_, i) => i);
  const mix = (a, b, share) => b.map((end, i) => a[i] + (end - a[i]) * share);
  const frame = (now) => {
    if (gd.gliding !== token) return;
    const k = Math.min(1, Math.max(0, (now - start) / ms)), share = k * k * (3 - 2 * k);
    window.Plotly.restyle(gd, {x: to.map((t, i) => mix(from[i].x, t.x, share)),
      y: to.map((t, i) => mix(from[i].y, t.y, share))}, all);
    if (k < 1) requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
};

const showThumb = (gd, tip, point, event) => {
  const sheet = window.thumbSheets?.[gd.latest.sheet], index = point.customdata;
  if (!sheet || index === undefined) return;
  const picture = tip.firstElementChild, caption = tip.lastElementChild, column = index % sheet.columns;
  picture.style.cssText = `width:${THUMB}px;height:${THUMB}px;image-rendering:pixelated;border-radius:4px;`
    + `background:url("${sheet.url}") ${-column * THUMB}px ${-Math.floor(index / sheet.columns) * THUMB}px`
    + ` / ${sheet.columns * THUMB}px auto`;
  caption.textContent = point.text ?? "";
  const left = Math.min(event.clientX + 14, innerWidth - THUMB - 24);
  const top = Math.min(event.clientY + 14, innerHeight - THUMB - 48);
  Object.assign(tip.style, {display: "block", left: left + "px", top: top + "px"});
};

const wire = (gd, tip, setStateValue) => {
  const chosen = (event) => (event?.points ?? []).map((point) => point.customdata ?? point.pointIndex);
  gd.on("plotly_selected", (event) => setStateValue("selected", chosen(event)));
  gd.on("plotly_deselect", () => setStateValue("selected", []));
  gd.on("plotly_click", ({points: [point]}) => setStateValue("clicked", point.customdata ?? point.pointIndex));
  gd.on("plotly_hover", ({points: [point], event}) => gd.latest.sheet && showThumb(gd, tip, point, event));
  gd.on("plotly_unhover", () => { tip.style.display = "none"; });
};

const draw = (gd, tip, setStateValue) => {
  const {traces, layout, height, version, glideMs, alt} = gd.latest, theme = themeOf(gd);
  gd.setAttribute("aria-label", alt);
  if (version && gd.version === version && gd.theme === theme.id) return;  // nothing new: leave the plot alone
  const painted = paint(traces, theme);
  const moves = glideMs && gd.version !== undefined && gd.version !== version && canGlide(gd.data, traces);
  const from = moves && placed(gd.data);
  gd.gliding = null;
  gd.drawing = window.Plotly.react(gd, moves ? painted.map((trace, i) => ({...trace, ...from[i]})) : painted,
    dress(layout, height, theme), {responsive: true, displaylogo: false});
  if (moves) glide(gd, from, placed(painted), glideMs);
  if (gd.version === undefined) wire(gd, tip, setStateValue);
  Object.assign(gd, {version, theme: theme.id});
};

export default function ({data, parentElement, setStateValue}) {
  const gd = parentElement.querySelector(".plot"), tip = parentElement.querySelector(".tip");
  Object.assign(gd, {latest: JSON.parse(new TextDecoder().decode(data)), gone: false});
  ready().then(() => gd.isConnected && draw(gd, tip, setStateValue));
  return () => {
    Object.assign(gd, {gliding: null, version: undefined, gone: true});
    tip.style.display = "none";
    gd.removeAllListeners?.();
    // Plotly looks at the plot once more when it has finished drawing
    Promise.resolve(gd.drawing).finally(() => gd.gone && window.Plotly?.purge(gd));
  };
}
