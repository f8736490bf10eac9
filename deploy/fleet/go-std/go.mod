module fleet.example/go-std

go 1.24

require fleet.example/shared v0.0.0

replace fleet.example/shared => ../go-shared
