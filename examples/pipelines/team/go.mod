module spam.example

go 1.26
