import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { refusedCommand, runCommand } from "./command.ts";
import { start } from "./fabric/process.ts";

const folder = mkdtempSync(join(tmpdir(), "outrigger-command-"));
writeFileSync(join(folder, "tool"), "#!/bin/sh\n", { mode: 0o755 });
writeFileSync(join(folder, "notes"), "plain", { mode: 0o644 });
afterAll(() => rmSync(folder, { recursive: true }));

describe.each([
  { command: "tool", status: undefined },
  { command: "./tool", status: undefined },
  { command: "nothing", status: 127 },
  { command: "./nothing", status: 127 },
  { command: "notes", status: 126 },
  { command: "/", status: 126 },
])("the command $command", ({ command, status }) => {
  it(status === undefined ? "may be run" : `is refused with ${status}`, () => {
    expect(refusedCommand(command, `/nowhere:${folder}`, folder)?.status).toBe(status);
  });
});

describe.each([
  { script: "exit 0", status: 0 },
  { script: "exit 42", status: 42 },
  { script: "exit 127", status: 127 },
  { script: "kill -TERM $$", status: 143 },
  { script: "kill -KILL $$", status: 137 },
])("a command that ends with: $script", ({ script, status }) => {
  it(`gives the status ${status}`, async () => {
    const outcome = runCommand({
      argv: ["sh", "-c", script],
      env: process.env,
      folder,
      ground: { start: (program) => start(program.argv, program) },
      onSignal: () => {},
      sharesTerminal: false,
    });
    expect(await outcome).toBe(status);
  });
});

describe.each([
  { sharesTerminal: false, sent: ["SIGINT"], status: 130 },
  { sharesTerminal: true, sent: ["SIGINT", "SIGTERM"], status: 143 },
  { sharesTerminal: true, sent: ["SIGINT", "SIGINT"], status: 130 },
] as const)("the signals $sent to us", ({ sharesTerminal, sent, status }) => {
  const where = sharesTerminal ? "that shares our terminal" : "of its own terminal";

  it(`end a command ${where} with ${status}`, async () => {
    const outcome = runCommand({
      argv: ["sleep", "1000"],
      env: process.env,
      folder,
      ground: { start: (program) => start(program.argv, program) },
      onSignal: (listener) => {
        for (const name of sent) listener(name);
      },
      sharesTerminal,
    });
    expect(await outcome).toBe(status);
  });
});
