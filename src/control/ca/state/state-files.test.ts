/** What of the authority is on the disk, and what becomes of it when that is damaged. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { authorityScene, temporaryFolder } from "../../../../test/support/authority-scene.ts";
import { StateFile } from "./authority-state.ts";
import { Ledger } from "./ledger.ts";

const REVIEWS = { namespace: "shop", serviceAccount: "reviews" };
const STATE = { generations: [], revoked: [], listNumber: 7 };

describe("a state file", () => {
  it("is read as it was written, with the one before beside it", () => {
    const folder = temporaryFolder();
    const file = new StateFile(folder);
    expect(file.read()).toBeUndefined();
    file.write(STATE);
    file.write({ ...STATE, listNumber: 8 });
    expect(new StateFile(folder).read()).toEqual({ ...STATE, listNumber: 8 });
    expect(readFileSync(path.join(folder, "state.previous.json"), "utf8")).toContain(
      '"listNumber": 7',
    );
  });

  it("that was cut is refused at every cut, and left as it is", () => {
    const folder = temporaryFolder();
    const file = new StateFile(folder);
    file.write(STATE);
    const name = path.join(folder, "state.json");
    const whole = readFileSync(name, "utf8");
    for (let cut = 0; cut < whole.length - 1; cut++) {
      writeFileSync(name, whole.slice(0, cut));
      expect(() => file.read(), `cut at ${cut}`).toThrow(`${name} `);
      expect(readFileSync(name, "utf8")).toBe(whole.slice(0, cut));
    }
  });

  it.each([
    ["of the future", '"version": 1', '"version": 2', "is of version 2; this program reads 1"],
    ["that was changed", '"listNumber": 7', '"listNumber": 9', "does not match its checksum"],
    ["of something else", "outrigger certificate", "other", "is no state of a certificate"],
  ])("%s is refused", (_what, from, to, says) => {
    const folder = temporaryFolder();
    const file = new StateFile(folder);
    file.write(STATE);
    const name = path.join(folder, "state.json");
    writeFileSync(name, readFileSync(name, "utf8").replace(from, to));
    expect(() => file.read()).toThrow(says);
  });

  it("that is gone while the one before is there is not taken for a first start", () => {
    const folder = temporaryFolder();
    const file = new StateFile(folder);
    file.write(STATE);
    file.write(STATE);
    rmSync(path.join(folder, "state.json"));
    expect(() => file.read()).toThrow("is gone");
  });
});

describe("an authority whose folder is damaged", () => {
  it("does not start, and makes no other root", async () => {
    const scene = await authorityScene();
    await scene.control.stop();
    const state = path.join(scene.caDir, "state.json");
    truncateSync(state, 40);
    await expect(scene.restart()).rejects.toThrow("is cut short or no JSON");
    expect(readFileSync(state, "utf8")).toHaveLength(40);
  });

  it("does not start without the key of its root", async () => {
    const scene = await authorityScene();
    rmSync(path.join(scene.caDir, "keys"), { recursive: true });
    await expect(scene.restart()).rejects.toThrow("the key of the mesh's root, is gone");
  });

  it("does not start in a folder that others open, or with a key that they read", async () => {
    const caDir = path.join(temporaryFolder(), "open");
    mkdirSync(caDir, { mode: 0o755 });
    await expect(authorityScene({ caDir })).rejects.toThrow("may be opened by others");
    const scene = await authorityScene();
    const state = JSON.parse(readFileSync(path.join(scene.caDir, "state.json"), "utf8"));
    const key = path.join(scene.caDir, "keys", `${state.state.generations[0].id}.key`);
    chmodSync(key, 0o644);
    await expect(scene.restart()).rejects.toThrow("may be read by others");
  });

  it("passes over tokens that were cut, and keeps the rest", async () => {
    const scene = await authorityScene();
    const token = scene.control.joinToken(REVIEWS);
    const [, id = ""] = token.split(".");
    truncateSync(path.join(scene.caDir, "tokens", `${id}.json`), 30);
    await expect(scene.ask({ token })).rejects.toThrow("not known here");
    await expect(scene.ask({ token: scene.control.joinToken(REVIEWS) })).resolves.toBeDefined();
  });
});

describe("the ledger", () => {
  const entry = { serial: "ab", identity: "a/b", generation: "g", notAfter: 1000 };

  it("remembers who has what, until that runs out", async () => {
    const folder = temporaryFolder();
    const first = new Ledger(folder, 0);
    await Promise.all([first.add(entry), first.add({ ...entry, serial: "cd", notAfter: 2000 })]);
    await first.close();
    const second = new Ledger(folder, 500);
    expect([...second.entries].map(({ serial }) => serial)).toEqual(["ab", "cd"]);
    second.sweep(1000);
    expect(second.find("ab")).toBeUndefined();
    await second.close();
    expect([...new Ledger(folder, 3000).entries]).toEqual([]);
  });

  it("passes over a last line that was cut", async () => {
    const folder = temporaryFolder();
    const first = new Ledger(folder, 0);
    await first.add(entry);
    await first.close();
    appendFileSync(path.join(folder, "issued.jsonl"), '{"serial":"cd","ident');
    const second = new Ledger(folder, 0);
    expect([...second.entries].map(({ serial }) => serial)).toEqual(["ab"]);
    await second.add({ ...entry, serial: "ef" });
    await second.close();
    expect([...new Ledger(folder, 0).entries].map(({ serial }) => serial)).toEqual(["ab", "ef"]);
  });

  it("has the line on the disk before the certificate is told of", async () => {
    const scene = await authorityScene();
    const { leaf } = await scene.ask({ token: scene.control.joinToken(REVIEWS) });
    const text = readFileSync(path.join(scene.caDir, "issued.jsonl"), "utf8");
    expect(text).toContain(leaf.serialNumber.toLowerCase().replace(/^0+/, ""));
    expect(existsSync(path.join(scene.caDir, "keys"))).toBe(true);
  });
});
