#!/bin/sh
# Stands in for docker, k3d, kubectl or the demo, by the name it is called with: records every call,
# keeps a cluster's state in the folder above, and fails where the file `failing` says so. It does
# not show what the real programs do.
folder=${0%/bin/*}
call="${0##*/} $*"
printf '%s\n' "$call" >>"$folder/calls"

failing=
[ ! -f "$folder/failing" ] || read -r failing <"$folder/failing"
case $failing,$call in
  ,*) ;;
  "$failing,$failing"*) echo 'something is not as it should be' >&2; exit 7 ;;
esac

# Prints every line of a file, or the second argument if there is no such file.
say() {
  [ -f "$folder/$1" ] || { echo "$2"; return; }
  while read -r line; do echo "$line"; done <"$folder/$1"
}

case $call in
  'docker version'*) say docker-version 'Docker 28.5.2' ;;
  'docker image inspect'*) say built sha256:first ;;
  'k3d version'*) say k3d-version 'k3d version v5.9.0' ;;
  'kubectl version'*) say kubectl-version 'Client Version: v1.35.2' ;;
  'k3d cluster list'*) say clusters '[]' ;;
  'k3d cluster create'*)
    echo '[{"name":"unwind","serversRunning":1,"serversCount":1}]' >"$folder/clusters" ;;
  'k3d cluster delete'*) echo '[]' >"$folder/clusters" ;;
  *' get namespace '*) say image '' ;;
  *' annotate namespace '*' image='*) set -- "${call##* image=}"; echo "${1%% *}" >"$folder/image" ;;
  *' get secrets '*) say secret-names '' ;;
  *' create --filename -')
    read -r list
    printf '%s\n' "$list" >>"$folder/secrets"
    while [ "$list" != "${list#*'"name":"'}" ]; do
      list=${list#*'"name":"'}
      echo "secret/${list%%\"*}" >>"$folder/secret-names"
    done ;;
esac
exit 0
