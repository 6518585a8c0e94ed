// The trend of an indicator: uPlot draws what the picture of the page shows, and the months are read
// by the pointer or the arrow keys. Values and texts come with the page; paper has its picture.

const figure = document.querySelector("[data-trend]");
const { months, marks, lines } = JSON.parse(figure.dataset.trend);
const picture = figure.querySelector("svg");
const room = document.createElement("div");
const last = months.length - 1;
const dashes = { verified: [], declared: [5, 4], now: [2, 3], target: [12, 6] };
const keys = Object.fromEntries(lines.map(({ name }) => [name, keyOf(name)]));
const month = figure.querySelector("[data-month]");
let plot;

// The place for the value of a line beside its name; none for the target, which is the same always.
function keyOf(name) {
  const at = document.createElement("span");
  at.className = "at";
  figure.querySelector(`[data-key="${name}"]`)?.append(" ", at);
  return at;
}

const colour = (name) => () => getComputedStyle(figure).getPropertyValue(`--${name}`);

function tell(at) {
  month.textContent = months[at];
  for (const { name, texts } of lines) keys[name].textContent = texts[at];
}

// The months that are written below: the last one, and every so many before it.
const named = (step) => months.map((_, at) => at).filter((at) => (last - at) % step === 0);

function axis(more) {
  const font = getComputedStyle(figure);
  return {
    stroke: colour("soft"),
    font: `12px ${font.fontFamily}`,
    ticks: { show: false },
    grid: { stroke: colour("line"), width: 1 },
    ...more,
  };
}

function options({ clientWidth: width, clientHeight: height }) {
  const longest = Math.max(...marks.map(([, text]) => text.length));
  return {
    width,
    height,
    padding: [12, 28, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
    scales: {
      x: { time: false, range: [0, last] },
      y: { range: [marks[0][0], marks.at(-1)[0]] },
    },
    axes: [
      axis({
        size: 30,
        grid: { show: false },
        splits: ({ width: now }) => named(now < 480 ? 6 : 3),
        values: (_, splits) => splits.map((at) => months[at]),
      }),
      axis({
        size: 16 + 7 * longest,
        splits: () => marks.map(([amount]) => amount),
        values: () => marks.map(([, text]) => text),
      }),
    ],
    series: [
      {},
      ...lines.map(({ name }) => ({
        stroke: colour(name),
        width: 2,
        dash: dashes[name],
        spanGaps: name !== "target",
        points: { show: name === "verified", size: 5, fill: colour(name) },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => tell(cursor.idx ?? last)] },
  };
}

function move(event) {
  const at = plot.cursor.idx ?? last + 1;
  const wanted = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
  if (wanted === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const left = plot.valToPos(Math.min(Math.max(wanted, 0), last), "x");
  plot.setCursor({ left, top: 0 });
}

function draw() {
  room.className = "drawn";
  figure.prepend(room);
  figure.classList.add("is-drawn");
  const columns = [months.map((_, at) => at), ...lines.map(({ values }) => values)];
  plot = new uPlot(options(room), columns, room);
  plot.root.setAttribute("role", "img");
  plot.root.setAttribute("aria-label", picture.getAttribute("aria-label"));
  tell(last);
  figure.addEventListener("keydown", move);
  const again = () => plot.redraw(false, true);
  const fit = () => plot.setSize({ width: room.clientWidth, height: room.clientHeight });
  new ResizeObserver(fit).observe(room);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.fonts.ready.then(again);
}

// As a link in the head it would hold back the page, which is complete without it.
const style = document.createElement("link");
style.rel = "stylesheet";
style.href = figure.dataset.style;
style.addEventListener("load", draw);
document.head.append(style);
