// Package testkit is what the tests of several packages share: real clients (aws,
// boto3, qemu-img, nbdcopy, fio …) run with a time limit, the real daemon on a
// temporary directory and free sockets, text scripts over both, and the loop that
// fails or crashes operation 1, 2, 3 … of a run.
//
// Only tests import it. A tool that is missing fails the test that needs it; see
// install-tools.sh, which make test runs first.
package testkit
