# What the operator of the runner keeps. FOLDER stands for the folder with the keys.

secret "release_key" { file = "FOLDER/release.key" }
secret "customer_key" { file = "FOLDER/customer.key" }
