pipeline "example" {}

stage "load" {
  uses = "test.smoke"
  with {
    url      = "https://digits-preview.example.com/v1/predict"
    body     = jsonencode({ rows = [[0, 0, 5, 13]] })
    headers  = { Authorization = "Bearer ${secret("endpoint_token")}" }
    rate     = 50
    duration = "60s"
    warm_up  = "10s"
    timeout  = "2s"
    expect { contains = "\"label\"" }
    threshold "latency_p99" { max = 250 } # milliseconds
    threshold "error_rate" { max = 0.001 }
  }
}
