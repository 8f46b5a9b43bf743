/**
 * Text from users, services and tables may contain control characters, which a terminal would obey.
 */

/** The text in one line, with control characters replaced. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, "?")
