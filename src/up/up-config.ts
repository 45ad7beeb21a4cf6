import { parse } from "yaml";
import type { Labels } from "../model/mesh.ts";

/** The user's mapping of images to what stands for them on this machine. */
export interface UpConfig {
  readonly commands: Labels;
  /** Every error at once. */
  readonly problems: readonly string[];
}

/**
 * Reads
 *
 *     kind: UpConfig
 *     commands:
 *       registry.example/reviews:1.0: node reviews.js
 */
export function readUpConfig(text: string): UpConfig {
  const document: unknown = parse(text);
  if (!isRecord(document)) return { commands: {}, problems: ["not a document of kind UpConfig"] };
  const problems: string[] = [];
  if (document.kind !== "UpConfig") problems.push(`kind: ${document.kind} is not UpConfig`);
  const known = ["apiVersion", "kind", "commands"];
  for (const key of Object.keys(document)) {
    if (!known.includes(key)) problems.push(`${key}: unknown, allowed are ${known.join(", ")}`);
  }
  const entries = isRecord(document.commands) ? Object.entries(document.commands) : [];
  if (entries.length === 0) problems.push("commands: not a mapping of images to commands");
  const commands: Record<string, string> = {};
  for (const [image, command] of entries) {
    if (typeof command === "string") commands[image] = command;
    else problems.push(`commands["${image}"]: not a command (text)`);
  }
  return { commands, problems };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
