declare const VALUE: unique symbol;

/**
 * The JSON text of a value. A port returns it in place of the value if the caller only forwards it. Then the text goes
 * from the object to the response without being parsed and serialized again.
 */
export type JsonText<Value> = string & { readonly [VALUE]: Value };

/** The same as a stream of UTF-8, for a value that is too long for memory. */
export type JsonStream<Value> = ReadableStream<Uint8Array> & { readonly [VALUE]: Value };
