import { createHmac, randomBytes } from "node:crypto";

/** The keys of session tickets are used for so long; BoringSSL changes them every two days. */
const TICKET_KEYS_MS = 24 * 3_600_000;
/** Name, secret and initialisation of the library's keys. */
const KEYS_BYTES = 48;
const SECRET_BYTES = 32;

/** A secret that the threads of a proxy share, so that each resumes what another has begun. */
export function newTicketSecret(): Uint8Array {
  return randomBytes(SECRET_BYTES);
}

/** The keys of the period in which `wallMs` lies: whoever has the secret has the same ones. */
export function ticketKeysAt(secret: Uint8Array, wallMs: number): Buffer {
  const period = Math.floor(wallMs / TICKET_KEYS_MS);
  const parts = [0, 1].map((part) =>
    createHmac("sha256", secret).update(`session tickets ${period} ${part}`).digest(),
  );
  return Buffer.concat(parts).subarray(0, KEYS_BYTES);
}

/** Until the next period begins. */
export function ticketKeysLeftMs(wallMs: number): number {
  return TICKET_KEYS_MS - (wallMs % TICKET_KEYS_MS);
}
