import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
} from "dns-packet";
import { CODE, HEADER_BYTES, type Query, type RefusedHeader } from "./query.ts";

export type DnsRecord = Answer;

/** What a reply says besides repeating the question. */
export interface ReplyContent {
  /** RFC 1035, 4.1.1; extended codes (RFC 6891) go up to 4095. */
  readonly code: number;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

export const NOTHING: ReplyContent = {
  code: CODE.noError,
  answers: [],
  authorities: [],
  additionals: [],
};

const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
const UDP_BYTES_MIN = 512;
/** Fits every link without fragments; what is longer is asked again over TCP. */
export const UDP_BYTES_MAX = 1232;

/** A whole reply; `flags` are added to those that follow from the query. */
export function replyTo(query: Query, content: ReplyContent, flags: number): Buffer {
  const { answers, authorities, additionals, code } = content;
  const records = encode({
    type: "response",
    id: query.id,
    flags: flagsOf(query) | flags | (code & 15),
    answers: [...answers],
    authorities: [...authorities],
    additionals: [...additionals, ...optRecord(query, code)],
  });
  // The question goes between as it came, byte by byte: nothing in the records points anywhere.
  records.writeUInt16BE(1, 4);
  const question = query.bytes.subarray(HEADER_BYTES, query.questionEnd);
  return Buffer.concat([
    records.subarray(0, HEADER_BYTES),
    question,
    records.subarray(HEADER_BYTES),
  ]);
}

/** A reply from what the mesh itself knows. */
export function ownReply(query: Query, content: ReplyContent): Buffer {
  return replyTo(query, content, AUTHORITATIVE_ANSWER);
}

/** The question and a code alone. */
export function bareReply(query: Query, code: number): Buffer {
  return replyTo(query, { ...NOTHING, code }, 0);
}

/** To what could not be read: a header alone. */
export function refusalOf({ id, opcode, recursionDesired }: RefusedHeader, code: number): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(id, 0);
  const desired = recursionDesired ? RECURSION_DESIRED : 0;
  head.writeUInt16BE(RESPONSE | (opcode << 11) | desired | code, 2);
  return head;
}

/** A reply too long for the client's datagrams is cut: it asks again over TCP. */
export function fitted(reply: Buffer, query: Query): Buffer {
  const offered = query.edns?.payloadBytes ?? UDP_BYTES_MIN;
  const limit = Math.min(Math.max(offered, UDP_BYTES_MIN), UDP_BYTES_MAX);
  if (reply.length <= limit) return reply;
  return replyTo(query, { ...NOTHING, code: reply.readUInt16BE(2) & 15 }, TRUNCATED);
}

function flagsOf(query: Query): number {
  return RECURSION_AVAILABLE | (query.recursionDesired ? RECURSION_DESIRED : 0);
}

function optRecord({ edns }: Query, code: number): DnsRecord[] {
  if (edns === undefined) return [];
  return [
    {
      ...{ type: "OPT", name: ".", udpPayloadSize: UDP_BYTES_MAX, extendedRcode: code >> 4 },
      ...{ ednsVersion: 0, flags: 0, flag_do: false, options: [] },
    },
  ];
}
