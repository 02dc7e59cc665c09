# The M-step of mclust for every structure on iris, with soft assignments that a formula gives:
# z_ik proportional to exp(-|x_i - m_k|^2 / 2), m_k the mean of species k. Its iterations are run to
# convergence. Made with mclust 6.0.0 by:  Rscript mclust_mstep.R > mclust_mstep.json
suppressMessages(library(mclust))
x <- as.matrix(iris[, 1:4])
centre <- apply(x, 2, function(column) tapply(column, iris$Species, mean))
z <- exp(-sapply(1:3, function(k) rowSums(sweep(x, 2, centre[k, ])^2)) / 2)
z <- z / rowSums(z)
number <- function(v) sprintf("%.17g", v)
models <- c("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE", "VVE", "EEV", "VEV",
            "EVV", "VVV")
one <- function(model) {
  fitted <- mstep(modelName = model, data = x, z = z,
                  control = emControl(tol = c(1e-14, 1e-15), itmax = c(10000, 10000)))
  sigma <- fitted$parameters$variance$sigma
  if (is.null(sigma)) sigma <- fitted$parameters$variance$Sigma
  sprintf('"%s": {"parameters": %d, "sigma": [%s]}', model, nVarParams(model, 4, 3),
          paste(number(as.vector(sigma)), collapse = ", "))
}
cat("{\n", paste(sapply(models, one), collapse = ",\n"), "\n}\n", sep = "")
