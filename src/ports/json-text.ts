declare const VALUE: unique symbol;

/**
 * The JSON text of a value. A port returns it instead of the value where the caller only passes it on: the text then
 * crosses from the object to the response without being parsed, copied and written again.
 */
export type JsonText<Value> = string & { readonly [VALUE]: Value };
