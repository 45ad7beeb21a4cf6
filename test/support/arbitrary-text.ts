import fc from "fast-check";

/** fast-check's own "binary" takes seconds to be made. */
const CODE_POINT = fc
  .oneof(fc.integer({ min: 0, max: 0x7f }), fc.integer({ min: 0, max: 0x10_ffff }))
  .map((code) => String.fromCodePoint(code));

/** Text of any code points: controls, quotes and lone surrogates are among them. */
export const ANY_TEXT: fc.Arbitrary<string> = fc.string({ unit: CODE_POINT });
