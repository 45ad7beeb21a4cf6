/** The table of the benchmark, in the order in which it runs. */
import type { Scenario } from "../scenario.ts";
import { oneHop } from "./one-hop.ts";

export const SCENARIOS: readonly Scenario[] = [oneHop];
