/**
 * The errors of a Redis server that is not, or not now, the one to talk to. The address leads to
 * another server, or soon will, but an open connection stays with this one for as long as it lives.
 * So the connection is replaced.
 */

const codes = [
  // A replica: the old primary after a failover, or one that has lost its primary.
  ...["READONLY", "MASTERDOWN"],
  // A primary that has lost its replicas or its cluster: another one may have taken over.
  ...["NOREPLICAS", "CLUSTERDOWN"],
  // A server that is loading its data set, or that now requires another password than the
  // connection was opened with.
  ...["LOADING", "NOAUTH"],
]

// Before version 7, a script's error has a prefix before the code of the error inside it.
const wrongServer = new RegExp(`^(ERR Error running script .*-)?(${codes.join("|")})\\b`)

/** Whether only a new connection helps against the error. Its message is as Redis sent it. */
export const isWrongServer = ({ message }: { readonly message: string }): boolean =>
  wrongServer.test(message)
