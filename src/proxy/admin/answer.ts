/** What a page says. `body` in slices: other work runs between them. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Iterable<string>;
  /** Runs once the answer has been handed to the kernel. */
  readonly afterwards?: () => void;
}

export const TEXT = "text/plain; charset=UTF-8";
export const JSON_TYPE = "application/json";
export const HTML = "text/html; charset=UTF-8";

export function text(body: string, status = 200): Answer {
  return { status, contentType: TEXT, body: [body] };
}

export function slices(contentType: string, body: Iterable<string>): Answer {
  return { status: 200, contentType, body };
}

/** Indented by one space, as Envoy's. */
export function json(value: unknown): Answer {
  return slices(JSON_TYPE, [`${JSON.stringify(value, undefined, 1)}\n`]);
}

/** `before item, item after`: a JSON list that is made item by item. */
export function* jsonList(
  before: string,
  items: Iterable<unknown>,
  after: string,
): Generator<string> {
  let separator = before;
  for (const item of items) {
    yield separator + JSON.stringify(item, undefined, 1);
    separator = ",\n";
  }
  yield separator === before ? before + after : after;
}
