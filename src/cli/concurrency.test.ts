import { expect, it } from "vitest";
import { parseConcurrency } from "./concurrency.ts";

it.each([
  { text: "1", workers: 1 },
  { text: "4", workers: 4 },
  { text: "128", workers: 128 },
  { text: "0", workers: 6 },
  { text: "129", workers: undefined },
  { text: "-1", workers: undefined },
  { text: "1.5", workers: undefined },
  { text: "auto", workers: undefined },
  { text: "", workers: undefined },
])("--concurrency $text on 6 cores is $workers", ({ text, workers }) => {
  expect(parseConcurrency(text, 6)).toBe(workers);
});
