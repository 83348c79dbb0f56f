#!/bin/sh
# The main job, narrated: an encrypted volume from key to restored snapshot, with the
# real aws, nbdcopy and qemu-img. Usage: demo.sh COFFER-BINARY
# Everything happens in a temporary directory, which is removed at the end.
set -eu

coffer_binary=$(realpath "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/coffer-demo.XXXXXX")
data=$work/data
limit=300 # seconds for any one step
daemon=

clean_up() {
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

say() { printf '\n# %s\n' "$*"; }
# show prints a command as a user would type it; run runs it too, within the limit;
# capture also keeps its output in $out.
show() {
	printf '$ %s\n' "$(echo "$*" | shorten)"
}
shorten() {
	sed "s|$work|\$WORK|g; s|$(echo "$work" | sed 's|/|%2F|g')|\$WORK|g; s|$coffer_binary|coffer|g; s| --endpoint-url $endpoint||g"
}
run() {
	show "$@"
	timeout "$limit" "$@"
}
capture() {
	show "$@"
	out=$(timeout "$limit" "$@") || return 1
	echo "$out" | shorten
}
coffer() { "$coffer_binary" "$@"; }
fail() {
	echo "demo: $*" >&2
	exit 1
}
endpoint=
export LC_ALL=C

say "An account: a data directory, and its root key beside it"
run "$coffer_binary" init --data-dir "$data" --account-id 111122223333 --access-key-id AKIACOFFERDEMO000000 --secret-access-key demo-secret-of-forty-characters-000000000
export AWS_ACCESS_KEY_ID=AKIACOFFERDEMO000000 AWS_SECRET_ACCESS_KEY=demo-secret-of-forty-characters-000000000
export AWS_DEFAULT_REGION=us-east-1 AWS_DEFAULT_OUTPUT=text AWS_PAGER= AWS_CONFIG_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true NO_PROXY='*'

say "The daemon, on free ports of this machine"
"$coffer_binary" serve --data-dir "$data" --api 127.0.0.1:0 --admin off 2>"$work/log" &
daemon=$!
tries=0
until endpoint=$(coffer status --data-dir "$data" --json 2>/dev/null | sed -n 's/^ *"api": "\(.*\)",*$/\1/p') && [ -n "$endpoint" ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 300 ] && kill -0 "$daemon" 2>/dev/null || { cat "$work/log" >&2; fail "the daemon does not answer"; }
	sleep 0.1
done
run "$coffer_binary" status --data-dir "$data"
aws="aws --endpoint-url $endpoint"

say "Two keys"
# shellcheck disable=SC2086 # $aws is several words
{
capture $aws kms create-key --description first --query KeyMetadata.KeyId
key1=$out
capture $aws kms create-key --description second --query KeyMetadata.KeyId
key2=$out
run $aws kms create-alias --alias-name alias/first --target-key-id "$key1"
run $aws kms create-alias --alias-name alias/second --target-key-id "$key2"
}

say "A disk image: an ext4 file system of 2 GiB that holds the sources of Go"
tree=$(go env GOROOT)/src
PATH=$PATH:/usr/sbin:/sbin run mke2fs -q -t ext4 -d "$tree" "$work/disk.img" 2G

say "A volume of 2 GiB under the first key, and an instance to attach it to"
# shellcheck disable=SC2086
{
capture $aws ec2 create-volume --availability-zone us-east-1a --size 2 --encrypted --kms-key-id alias/first --query VolumeId
volume=$out
run $aws ec2 wait volume-available --volume-ids "$volume"
capture $aws ec2 describe-images --owners amazon --query 'Images[0].ImageId'
capture $aws ec2 run-instances --image-id "$out" --instance-type t3.micro --query 'Instances[0].InstanceId'
instance=$out
run $aws ec2 attach-volume --volume-id "$volume" --instance-id "$instance" --device /dev/sdf --query State
run $aws ec2 wait volume-in-use --volume-ids "$volume"
}
capture "$coffer_binary" volume uri --data-dir "$data" "$volume"
uri=$out

say "The image goes in over NBD, and reads back the same"
run nbdcopy --flush "$work/disk.img" "$uri"
run qemu-img compare -f raw -F raw "$work/disk.img" "$uri"

say "A snapshot, a copy of it under the second key, and a volume from the copy"
# shellcheck disable=SC2086
{
capture $aws ec2 create-snapshot --volume-id "$volume" --query SnapshotId
snapshot=$out
run $aws ec2 wait snapshot-completed --snapshot-ids "$snapshot"
capture $aws ec2 copy-snapshot --source-region us-east-1 --source-snapshot-id "$snapshot" --encrypted --kms-key-id alias/second --query SnapshotId
copy=$out
run $aws ec2 wait snapshot-completed --snapshot-ids "$copy"
capture $aws ec2 create-volume --availability-zone us-east-1a --snapshot-id "$copy" --query VolumeId
restored=$out
run $aws ec2 wait volume-available --volume-ids "$restored"
run $aws ec2 describe-volumes --volume-ids "$volume" "$restored" --query 'Volumes[].[VolumeId,Encrypted,KmsKeyId]'
run $aws ec2 attach-volume --volume-id "$restored" --instance-id "$instance" --device /dev/sdg --query State
run $aws ec2 wait volume-in-use --volume-ids "$restored"
}
capture "$coffer_binary" volume uri --data-dir "$data" "$restored"
run qemu-img compare -f raw -F raw "$work/disk.img" "$out"

say "The first key is disabled: what is attached works on, the next attach is refused"
# shellcheck disable=SC2086
{
run $aws kms disable-key --key-id "$key1"
run qemu-img compare -f raw -F raw "$work/disk.img" "$uri"
run $aws ec2 detach-volume --volume-id "$volume" --query State
run $aws ec2 wait volume-available --volume-ids "$volume"
if run $aws ec2 attach-volume --volume-id "$volume" --instance-id "$instance" --device /dev/sdf; then
	fail "a volume under a disabled key was attached"
fi
}

say "The copy, under the second key, still opens"
# shellcheck disable=SC2086
{
run $aws ec2 detach-volume --volume-id "$restored" --query State
run $aws ec2 wait volume-available --volume-ids "$restored"
run $aws ec2 attach-volume --volume-id "$restored" --instance-id "$instance" --device /dev/sdg --query State
run $aws ec2 wait volume-in-use --volume-ids "$restored"
}
run qemu-img compare -f raw -F raw "$work/disk.img" "$out"

say "No line of the sources can be found in the data directory"
cat "$tree"/crypto/aes/*.go "$tree"/net/http/*.go | grep -E '^.{40,}$' | sort -u | head -n 2000 >"$work/lines"
count() { find "$@" -type f -exec strings -a -n 40 {} + | grep -c -F -f "$work/lines" || true; }
in_image=$(count "$work/disk.img")
in_data=$(count "$data")
echo "of $(wc -l <"$work/lines") lines: $in_image hits in the image, $in_data in $(du -sh "$data" | cut -f1) of data directory"
[ "$in_image" -gt 0 ] || fail "the search finds nothing even in the image"
[ "$in_data" -eq 0 ] || fail "plaintext in the data directory"

say "The first key is enabled again: everything reads back and authenticates"
# shellcheck disable=SC2086
run $aws kms enable-key --key-id "$key1"
run "$coffer_binary" verify --data-dir "$data"

say "What the audit trail says: the refusal, what decided it, and every use of the second key"
run "$coffer_binary" audit tail --data-dir "$data" --error '*'
run "$coffer_binary" explain --data-dir "$data"
run "$coffer_binary" audit tail --data-dir "$data" --key "$key2" --lines 20
run "$coffer_binary" audit verify --data-dir "$data"

say "Done"
