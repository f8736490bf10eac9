package shared

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Greeting is what / answers.
const Greeting = "hello from the fleet\n"

const (
	slowMaxMs = 10_000
	sentence  = "A sturdy thing that does one job and does it well every day. "
)

// Product is about 1 KB as JSON.
type Product struct {
	ID          uint32 `json:"id"`
	Name        string `json:"name"`
	PriceCents  uint32 `json:"price_cents"`
	Currency    string `json:"currency"`
	Stock       uint32 `json:"stock"`
	Description string `json:"description"`
}

// Payment is the receipt for an order.
type Payment struct {
	PaymentID   string `json:"payment_id"`
	OrderID     uint64 `json:"order_id"`
	AmountCents uint64 `json:"amount_cents"`
	Status      string `json:"status"`
}

// Problem is an error that a client sees.
type Problem struct {
	Status  int    `json:"-"`
	Message string `json:"error"`
}

func (p *Problem) Error() string { return p.Message }

// FindProduct gives a problem unless id is a whole number that fits 32 bits.
func FindProduct(id string) (Product, *Problem) {
	number, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return Product{}, &Problem{http.StatusNotFound, "no such product"}
	}
	productID := uint32(number)
	return Product{
		ID:          productID,
		Name:        fmt.Sprintf("Product %d", productID),
		PriceCents:  99 + productID%10_000,
		Currency:    "EUR",
		Stock:       100 + productID%900,
		Description: strings.Repeat(sentence, 15),
	}, nil
}

// Pay reads an order as JSON.
func Pay(body io.Reader) (Payment, *Problem) {
	var order struct {
		OrderID     *uint64 `json:"order_id"`
		AmountCents *uint64 `json:"amount_cents"`
	}
	err := json.NewDecoder(body).Decode(&order)
	if err != nil || order.OrderID == nil || order.AmountCents == nil {
		return Payment{}, &Problem{http.StatusBadRequest, "want JSON with order_id and amount_cents"}
	}
	return Payment{fmt.Sprintf("pay-%d", *order.OrderID), *order.OrderID, *order.AmountCents, "accepted"}, nil
}

// Slow sleeps ms milliseconds, 100 if it is empty, and returns what to say then.
func Slow(ms string) (string, *Problem) {
	if ms == "" {
		ms = "100"
	}
	number, err := strconv.ParseUint(ms, 10, 64)
	if err != nil || number > slowMaxMs {
		return "", &Problem{http.StatusBadRequest, "want ms from 0 to 10000"}
	}
	time.Sleep(time.Duration(number) * time.Millisecond)
	return fmt.Sprintf("slept %d ms\n", number), nil
}

// Fail gives a problem for that share of the calls, for all of them if rate is empty.
func Fail(rate string) (string, *Problem) {
	if rate == "" {
		rate = "1"
	}
	share, err := strconv.ParseFloat(rate, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return "", &Problem{http.StatusBadRequest, "want rate from 0 to 1"}
	}
	if rand.Float64() < share {
		return "", &Problem{http.StatusInternalServerError, "failed as asked"}
	}
	return "ok\n", nil
}
