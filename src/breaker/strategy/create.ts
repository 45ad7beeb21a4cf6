import type { Cells } from "../circuit/cells.ts";
import { CONSECUTIVE_CELLS, Consecutive } from "./consecutive.ts";
import { ErrorPercentage, errorPercentageCells } from "./error-percentage.ts";
import { outcomeWindowCells } from "./outcome-window.ts";
import { Ratio } from "./ratio.ts";
import type { Strategy, StrategyOptions } from "./strategy.ts";
import { Unified, unifiedCells } from "./unified.ts";

/** Cells that a strategy takes. */
export function strategyCells(options: StrategyOptions): number {
  switch (options.kind) {
    case "errorPercentage":
      return errorPercentageCells(options);
    case "consecutive":
      return CONSECUTIVE_CELLS;
    case "ratio":
      return outcomeWindowCells(options);
    case "unified":
      return unifiedCells(options);
  }
}

export function createStrategy(cells: Cells, at: number, options: StrategyOptions): Strategy {
  switch (options.kind) {
    case "errorPercentage":
      return new ErrorPercentage(cells, at, options);
    case "consecutive":
      return new Consecutive(cells, at, options.failures);
    case "ratio":
      return new Ratio(cells, at, options);
    case "unified":
      return new Unified(cells, at, options);
  }
}
