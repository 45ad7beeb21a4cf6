/**
 * What is wrong with a header block (RFC 7541). Each is a COMPRESSION_ERROR of the whole connection
 * (RFC 9113 section 4.3): the two tables can no longer be told to agree.
 */
export type HpackViolation =
  | "none"
  /** The block ends within an integer or a string. */
  | "truncated"
  /** An integer of more octets than any table, string or update here can need (section 5.1). */
  | "integerTooLarge"
  /** Index 0 stands for no field (section 6.1). */
  | "indexZero"
  /** An index behind the end of both tables (section 2.3.3). */
  | "indexTooLarge"
  /** The end-of-string symbol within a string (section 5.2). */
  | "huffmanEos"
  /** Padding of 8 bits or more, or of other bits than ones (section 5.2). */
  | "huffmanPadding"
  /** A table size update behind a field (section 4.2). */
  | "lateSizeUpdate"
  /** A table size update to more than was announced (section 6.3). */
  | "sizeUpdateTooLarge"
  /** No table size update although the announced size fell below the table's (section 4.2). */
  | "missingSizeUpdate";
