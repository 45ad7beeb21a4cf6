import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../base/clock.ts";
import { readSources, type SourceSet } from "./documents.ts";
import { SourceWatcher } from "./watcher.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrigger-watch-"));
});

afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
const texts = (sources: SourceSet | undefined): string[] =>
  (sources?.files ?? []).map(({ text }) => text);

describe("readSources", () => {
  it("reads YAML and JSON below a folder, by name, and passes over the rest", async () => {
    await mkdir(join(folder, "deep"));
    await write("b.yaml", "b");
    await write("a.yml", "a");
    await write("c.json", "c");
    await write("deep/d.yaml", "d");
    await write(".hidden.yaml", "hidden");
    await write("notes.txt", "notes");
    expect(texts(await readSources([folder]))).toEqual(["a", "b", "c", "d"]);
  });

  it("reads a file that is named, whatever it is called, and each file once", async () => {
    await write("mesh.conf", "named");
    const path = join(folder, "mesh.conf");
    expect(texts(await readSources([path, path]))).toEqual(["named"]);
  });

  it("warns of a folder without a file, once, and not of one that was read already", async () => {
    await mkdir(join(folder, "deep"));
    const { diagnostics } = await readSources([folder, join(folder, "deep")]);
    expect(diagnostics).toMatchObject([{ code: "OUT0603", severity: "warning" }]);
    await write("deep/a.yaml", "a");
    const filled = await readSources([join(folder, "deep/a.yaml"), folder, join(folder, "deep")]);
    expect(filled.diagnostics).toEqual([]);
  });

  it("says which path does not exist", async () => {
    const { diagnostics } = await readSources([join(folder, "nowhere")]);
    expect(diagnostics).toMatchObject([{ code: "OUT0601", severity: "error" }]);
    expect(diagnostics[0]?.message).toContain("nowhere does not exist");
  });
});

describe("SourceWatcher", () => {
  async function follow(): Promise<{ seen: () => string[] }> {
    let last: SourceSet | undefined;
    const first = await readSources([folder]);
    const watcher = new SourceWatcher(
      {
        paths: [folder],
        clock: systemClock,
        onChange: (sources) => {
          last = sources;
        },
      },
      first,
    );
    onTestFinished(() => watcher.stop());
    return { seen: () => texts(last) };
  }

  it("tells of a file that was written anew", async () => {
    await write("a.yaml", "old");
    const { seen } = await follow();
    await write("a.yaml", "new");
    await expect.poll(() => seen()).toEqual(["new"]);
  });

  it("tells of a file that an editor renamed over the old one, again and again", async () => {
    await write("a.yaml", "0");
    const { seen } = await follow();
    for (const text of ["1", "2", "3"]) {
      await write(".a.yaml.swp", text);
      await rename(join(folder, ".a.yaml.swp"), join(folder, "a.yaml"));
      await expect.poll(() => seen()).toEqual([text]);
    }
  });

  it("tells of files in folders that are made later", async () => {
    const { seen } = await follow();
    await mkdir(join(folder, "later"));
    await write("later/a.yaml", "deep");
    await expect.poll(() => seen()).toEqual(["deep"]);
    await write("later/a.yaml", "deeper");
    await expect.poll(() => seen()).toEqual(["deeper"]);
  });

  it("tells of a file that is gone", async () => {
    await write("a.yaml", "a");
    await write("b.yaml", "b");
    const { seen } = await follow();
    await rm(join(folder, "a.yaml"));
    await expect.poll(() => seen()).toEqual(["b"]);
  });
});
