/** The media types of the bodies of requests. */

export const JSON_TYPE = 'application/json';
/** JSON that changes only the members that it names, and removes those that are null (RFC 7396). */
export const MERGE_PATCH_TYPE = 'application/merge-patch+json';
/** Operations that change a JSON value one after the other (RFC 6902). */
export const JSON_PATCH_TYPE = 'application/json-patch+json';

/** The media type in a `Content-Type`, without its parameters. */
export function mediaTypeIn(contentType: string | null | undefined): string | undefined {
  return contentType?.split(';')[0]?.trim().toLowerCase() || undefined;
}
