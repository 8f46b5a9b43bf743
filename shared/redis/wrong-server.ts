/**
 * What a Redis says that is not the one to talk to (now): the address leads to another one by then,
 * or will, while an open connection stays with this one for as long as it lives. So it is given up,
 * and another one is made.
 */

const codes = [
  // A replica, as the old primary is after a failover; or one that its primary is away from.
  ...["READONLY", "MASTERDOWN"],
  // A primary that has lost its replicas, or its cluster: there may be another one by now.
  ...["NOREPLICAS", "CLUSTERDOWN"],
  // A server that reads its data set at its start, or that wants another password than the
  // connection began with.
  ...["LOADING", "NOAUTH"],
]

// Before version 7 a script's error has the code of what failed inside it further on.
const wrongServer = new RegExp(`^(ERR Error running script .*-)?(${codes.join("|")})\\b`)

/** Whether the error is one that only another connection helps against; given as Redis words it. */
export const isWrongServer = ({ message }: { readonly message: string }): boolean =>
  wrongServer.test(message)
