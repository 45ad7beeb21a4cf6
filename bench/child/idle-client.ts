/**
 * Holds connections open: PORT COUNT [FOLDER]. Each asks once and then is silent; `open` on
 * standard output says that all have been answered. With a folder over TLS, showing the certificate
 * in it.
 */
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";

/** At a time; handshakes are what takes long. */
const CONNECTING_MAX = 32;
const REQUEST = "GET / HTTP/1.1\r\nhost: bench\r\n\r\n";

const [portText = "", countText = "", folder] = process.argv.slice(2);
const port = Number(portText);
const count = Number(countText);
const read = (name: string): string => fs.readFileSync(path.join(folder ?? "", name), "utf8");
const identity =
  folder === undefined
    ? undefined
    : tls.createSecureContext({
        ca: read("ca.pem"),
        cert: read("leaf.pem"),
        key: read("leaf.key"),
      });

function connect(onReady: () => void): net.Socket {
  const to = { host: "127.0.0.1", port };
  if (identity === undefined) return net.connect(to, onReady);
  const names = { servername: "localhost", ALPNProtocols: ["http/1.1"] };
  return tls.connect({ ...to, ...names, secureContext: identity }, onReady);
}

function open(): Promise<void> {
  return new Promise((answered, failed) => {
    const socket = connect(() => socket.write(REQUEST));
    socket.once("data", () => answered());
    socket.once("error", failed);
    socket.once("close", () => failed(new Error("closed by the other side")));
  });
}

let started = 0;
async function openSome(): Promise<void> {
  while (started++ < count) await open();
}
await Promise.all(Array.from({ length: CONNECTING_MAX }, openSome));
process.stdout.write("open\n");
