// Package iam is accounts, principals and policy documents, and Evaluate, the one
// pure function that decides every request of every service.
package iam
