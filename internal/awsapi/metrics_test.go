package awsapi

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMetrics(t *testing.T) {
	f := newFixture()
	f.do(kmsCall(`{"Text":"a"}`).request(t))
	f.do(kmsCall(`{"Text":"domain"}`).request(t))
	f.do(kmsCall(`{"Text":"panic"}`).request(t))
	f.do(httptest.NewRequest("GET", "http://localhost/v2/panic", nil))
	require.Equal(t, Metrics{Requests: 4, ClientErrors: 1, ServerErrors: 1, Panics: 2}, f.front.Metrics())
}

func TestTwoServicesOfOneName(t *testing.T) {
	require.Panics(t, func() { New(Options{Services: []*Service{{Name: "kms"}, {Name: "kms"}}}) })
}
