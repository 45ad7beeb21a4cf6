import fs from "node:fs";
import path from "node:path";
import { ROOT } from "./source-file.ts";

/** The library's guide. */
export const GUIDE: readonly string[] = [
  "breaker.md",
  "breaker/from-opossum.md",
  "breaker/from-cockatiel.md",
  "breaker/from-hystrix.md",
];

export interface GuideExample {
  readonly page: string;
  readonly line: number;
  readonly code: string;
  /** What its comments say that it prints. */
  readonly prints: string;
}

/** Blocks of TypeScript; those of other languages are other libraries'. */
export function guideExamples(): GuideExample[] {
  return GUIDE.flatMap((page) => {
    const text = fs.readFileSync(path.join(ROOT, "docs", page), "utf8");
    return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ 1: code = "", index }) => ({
      page,
      line: text.slice(0, index).split("\n").length,
      code,
      prints: [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, said]) => `${said}\n`).join(""),
    }));
  });
}
