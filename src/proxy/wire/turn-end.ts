// hot path: no allocation per request
/** Has something to hand over once everything that could be read has been read. */
export interface LateWriter {
  /** Hands it over. A mistake here keeps nobody else's bytes back: it throws nothing. */
  flushContained(): void;
}

const dirty: LateWriter[] = [];

/** The writer is flushed once, at the end of this turn of the event loop. */
export function flushAtTurnEnd(writer: LateWriter): void {
  if (dirty.length === 0) setImmediate(flushAll);
  dirty.push(writer);
}

function flushAll(): void {
  for (let i = 0; i < dirty.length; i++) (dirty[i] as LateWriter).flushContained();
  dirty.length = 0;
}
