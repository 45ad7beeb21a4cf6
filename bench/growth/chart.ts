/** A chart with two logarithmic axes, as a small SVG that needs nothing else. */

export interface Line {
  readonly name: string;
  /** Beside the chart's `xs`; `null` where nothing was measured. */
  readonly ys: readonly (number | null)[];
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly xs: readonly number[];
  readonly lines: readonly Line[];
}

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 60;
const RIGHT = 90;
const TOP = 40;
const BOTTOM = 50;

/** Told apart without colour too: by the dash and by the name at the end. */
const STYLES = [
  { color: "#6e7781", dash: "6 4" },
  { color: "#0969da", dash: "none" },
] as const;

const NAME_HEIGHT = 14;

function styleOf(index: number): (typeof STYLES)[number] {
  return STYLES[index % STYLES.length] ?? STYLES[0];
}

type Scale = (value: number) => number;

/** 1, 2, 5, 10, 20 … around all values. */
function ticks(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const all: number[] = [];
  for (let exponent = -3; exponent <= 9; exponent++) {
    for (const digit of [1, 2, 5]) all.push(digit * 10 ** exponent);
  }
  const first = Math.max(
    0,
    all.findLastIndex((tick) => tick <= low),
  );
  const last = all.findIndex((tick) => tick >= high);
  return all.slice(first, (last < 0 ? all.length - 1 : last) + 1);
}

function logarithmic(from: number, to: number, start: number, end: number): Scale {
  const [low, high] = [Math.log(from), Math.log(to)];
  const span = high === low ? 1 : high - low;
  return (value) => start + ((Math.log(value) - low) / span) * (end - start);
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}k`;
  return `${Number(value.toPrecision(3))}`;
}

function text(x: number, y: number, content: string, more = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`;
}

function yAxis(marks: readonly number[], y: Scale): string[] {
  return marks.flatMap((mark) => [
    `<path d="M${LEFT} ${y(mark).toFixed(1)}H${WIDTH - RIGHT}" stroke="#d0d7de"/>`,
    text(LEFT - 8, y(mark) + 4, short(mark), 'text-anchor="end"'),
  ]);
}

function xAxis(xs: readonly number[], x: Scale): string[] {
  return xs.map((value) =>
    text(x(value), HEIGHT - BOTTOM + 18, short(value), 'text-anchor="middle"'),
  );
}

function drawn({ ys }: Line, index: number, xs: readonly number[], x: Scale, y: Scale): string[] {
  const style = styleOf(index);
  const points = xs.flatMap((value, at) => {
    const height = ys[at];
    return height === null || height === undefined ? [] : [[x(value), y(height)] as const];
  });
  const path = points.map(([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`).join("L");
  return [
    `<path d="M${path}" fill="none" stroke="${style.color}" stroke-width="2" ` +
      `stroke-dasharray="${style.dash}"/>`,
    ...points.map(
      ([px, py]) =>
        `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3" fill="${style.color}"/>`,
    ),
  ];
}

/** The lines' names at their ends, moved down where they would lie on each other. */
function names(lines: readonly Line[], x: number, y: Scale): string[] {
  const ends = lines.map(({ name, ys }, index) => {
    const last = ys.findLast((height) => height !== null) ?? 1;
    return { name, height: y(last) + 4, color: styleOf(index).color };
  });
  let free = 0;
  return ends
    .toSorted((one, other) => one.height - other.height)
    .map(({ name, height, color }) => {
      const at = Math.max(height, free);
      free = at + NAME_HEIGHT;
      return text(x + 18, at, name, `fill="${color}" font-weight="bold"`);
    });
}

export function toSvg({ title, xTitle, yTitle, xs, lines }: Chart): string {
  const measured = lines.filter(({ ys }) => ys.some((height) => height !== null));
  const heights = measured.flatMap(({ ys }) => ys.filter((height) => height !== null));
  const marks = ticks(heights.length === 0 ? [1, 10] : heights);
  const x = logarithmic(Math.min(...xs), Math.max(...xs), LEFT + 10, WIDTH - RIGHT - 10);
  const y = logarithmic(marks[0] ?? 1, marks.at(-1) ?? 10, HEIGHT - BOTTOM, TOP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" ` +
      `height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#24292f" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(LEFT, 20, `${title}: ${yTitle}`, 'font-size="14" font-weight="bold"'),
    ...yAxis(marks, y),
    ...xAxis(xs, x),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, xTitle, 'text-anchor="middle"'),
    ...measured.flatMap((line, index) => drawn(line, index, xs, x, y)),
    ...names(measured, WIDTH - RIGHT - 20, y),
    "</svg>",
    "",
  ].join("\n");
}

/** The same numbers, a line for each `x`. */
export function toCsv({ xTitle, xs, lines }: Chart): string {
  const head = [xTitle.replaceAll(",", ""), ...lines.map(({ name }) => name)];
  const rows = xs.map((x, at) => [`${x}`, ...lines.map(({ ys }) => ys[at]?.toFixed(1) ?? "")]);
  return `${[head, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}
