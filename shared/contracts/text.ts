/** What a text must be to be kept: said once for whatever comes in by HTTP and whatever comes off the queue. */

/** PostgreSQL keeps no NUL, and UTF-8 no half of a surrogate pair. */
export const isKeepable = (text: string): boolean => text.isWellFormed() && !text.includes("\0")
