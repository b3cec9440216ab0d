module digits.example

go 1.26
