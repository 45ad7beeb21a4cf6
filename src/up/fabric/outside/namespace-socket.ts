import { closeSync, openSync } from "node:fs";
import koffi from "koffi";

/** From linux/sched.h, sys/socket.h. */
const CLONE_NEWNET = 0x4000_0000;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOCKADDR_IN_BYTES = 16;
const BACKLOG = 511;

/**
 * A listening TCP socket (IPv4, every address) in another process' network namespace, as a file
 * descriptor for `server.listen({ fd })`. A socket belongs for ever to the namespace in which it
 * was made, so this thread goes there for that one moment, and nothing else runs meanwhile.
 * Throws where that cannot be done.
 */
export function listenInNamespace(pid: number, port: number): number {
  const libc = load();
  const home = openSync("/proc/thread-self/ns/net", "r");
  try {
    const there = openSync(`/proc/${pid}/ns/net`, "r");
    try {
      check("setns", libc.setns(there, CLONE_NEWNET));
    } finally {
      closeSync(there);
    }
    try {
      return listeningSocket(libc, port);
    } finally {
      check("setns", libc.setns(home, CLONE_NEWNET));
    }
  } finally {
    closeSync(home);
  }
}

function listeningSocket(libc: Libc, port: number): number {
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  check("socket", fd);
  const address = Buffer.alloc(SOCKADDR_IN_BYTES);
  // The family is in the machine's own order; all machines that Node runs on here are little.
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  try {
    check("bind", libc.bind(fd, address, SOCKADDR_IN_BYTES));
    check("listen", libc.listen(fd, BACKLOG));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

interface Libc {
  setns(fd: number, type: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Buffer, size: number): number;
  listen(fd: number, backlog: number): number;
}

/** Loaded at the first use, so that explicit mode never needs it. */
function load(): Libc {
  const library = koffi.load(null);
  return {
    setns: library.func("int setns(int fd, int type)") as Libc["setns"],
    socket: library.func("int socket(int domain, int type, int protocol)") as Libc["socket"],
    bind: library.func("int bind(int fd, uint8_t *address, uint32_t size)") as Libc["bind"],
    listen: library.func("int listen(int fd, int backlog)") as Libc["listen"],
  };
}

function check(what: string, result: number): void {
  if (result < 0) throw new Error(`${what} failed with error ${koffi.errno()}`);
}
