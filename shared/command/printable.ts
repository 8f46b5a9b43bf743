/** What a person typed, a service answered or a table holds may be anything; a terminal is not to obey it. */

/** The text in one line, without what a terminal would take for an order. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, "?")
