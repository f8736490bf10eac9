module fleet.example/shared

go 1.24
