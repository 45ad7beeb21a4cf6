/**
 * One client of long bodies: PORT PATH reads|stalls. `open` on standard output says that the first
 * bytes have come. One that reads asks again whenever it has read all; one that stalls reads no
 * more.
 */
import { once } from "node:events";
import net from "node:net";

const [portText = "", target = "", manner = ""] = process.argv.slice(2);
const request = `GET ${target} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n`;

// A socket that is not read keeps no process alive.
setInterval(() => undefined, 60_000);
let told = false;
for (;;) {
  const socket = net.connect(Number(portText), "127.0.0.1");
  socket.write(request);
  socket.on("data", () => {
    if (!told) process.stdout.write("open\n");
    told = true;
    if (manner === "stalls") socket.pause();
  });
  await once(socket, "close");
}
