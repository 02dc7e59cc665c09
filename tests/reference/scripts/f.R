source("./scripts/common.R")
log <- file("./logs/f.log","w"); say <- function(...) { cat(..., "\n", file=log); flush(log) }
bsn <- function(tag, ds, cols, div, K, model, type, seed, nboot=999) {
  x <- rd(ds,cols,div); t0 <- proc.time()[3]; m <- Mclust(x,G=K,modelNames=model,verbose=FALSE); set.seed(seed)
  b <- MclustBootstrap(m,nboot=nboot,type=type,verbose=FALSE); d <- NCOL(x)
  S <- summary(b,what="se"); Q <- summary(b,what="ci",conf.level=0.95)
  cn <- if(is.null(cols)) setdiff(names(read.csv(file.path(ROOT,"data",paste0(ds,".csv")),nrows=1)),"label") else cols
  g <- function(a) if(d==1) arr(as.vector(a)) else if(length(dim(a))==2) matrix(t(a),nrow=K) else array(a,c(d,d,K))
  case <- paste("f_bootstrap",tag,model,paste0("K",K),type,paste0("seed",seed),sep="_")
  L <- list(section="f",dataset=paste0("data/",ds,".csv"),columns=arr(cn),divide_by=div,n=as.integer(NROW(x)),d=as.integer(d),model=model,K=as.integer(K),software=SOFT,status="ok",approximate=TRUE,call=sprintf("m <- Mclust(x,G=%d,modelNames='%s'); set.seed(%d); MclustBootstrap(m,nboot=%d,type='%s')",K,model,seed,nboot,type),nboot=as.integer(b$nboot),nonfit=as.integer(b$nonfit),type=type,seed=as.integer(seed))
  L <- c(L, fields(m,NROW(x),d,K,model))
  L$se_weights <- arr(as.vector(S$pro)); L$se_means <- g(S$mean); L[[if(d==1) "se_variances" else "se_covariances"]] <- g(S$variance)
  if(type!="jk") { ci <- Q; L$ci95_weights <- matrix(ci$pro,2); if(d==1) { L$ci95_means <- matrix(ci$mean,2); L$ci95_variances <- matrix(ci$variance,2) } }
  L$note <- "se = standard deviation over bootstrap replicates (Monte-Carlo relative error about 1/sqrt(2*nboot) = 2%); jk = jackknife, deterministic. Refits use mclust's default tolerance 1e-5 started at the original solution; no label-switching correction in mclust."
  wr(case,L); say(case,round(proc.time()[3]-t0,1))
}
for(type in c("bs","wlbs","pb","jk")) for(seed in c(1,2)) { if(type=="jk" && seed==2) next
  bsn("faithful_waiting","faithful","waiting",1,2,"V",type,seed); bsn("faithful_eruptions","faithful","eruptions",1,2,"V",type,seed) }
for(type in c("bs","pb")) bsn("iris","iris",NULL,1,2,"VEV",type,1)
bsn("acidity","acidity",NULL,1,2,"V","bs",1); bsn("faithful","faithful",NULL,1,2,"VVV","bs",1); bsn("faithful","faithful",NULL,1,3,"EEE","bs",1)
lrt <- function(tag, ds, cols, div, model, maxG, seed, nboot=999) {
  x <- rd(ds,cols,div); t0 <- proc.time()[3]; set.seed(seed)
  o <- withto(function() try(mclustBootstrapLRT(x,modelName=model,nboot=nboot,maxG=maxG,verbose=FALSE),silent=TRUE),400)
  cn <- if(is.null(cols)) setdiff(names(read.csv(file.path(ROOT,"data",paste0(ds,".csv")),nrows=1)),"label") else cols
  case <- paste("f_lrt",tag,model,paste0("seed",seed),sep="_")
  L <- list(section="f",dataset=paste0("data/",ds,".csv"),columns=arr(cn),divide_by=div,n=as.integer(NROW(x)),d=as.integer(NCOL(x)),model=model,software=SOFT,approximate=TRUE,call=sprintf("set.seed(%d); mclustBootstrapLRT(x,modelName='%s',nboot=%d,maxG=%d)",seed,model,nboot,maxG),nboot=as.integer(nboot),seed=as.integer(seed))
  if(inherits(o,"try-error")) { wr(case,c(L,list(status="failed",failure=as.character(o)[1]))); say(case,"FAIL",as.character(o)[1]); return(invisible()) }
  bq <- apply(o$boot,2,quantile,c(.5,.9,.95,.99))
  # The mixtures between which it decides, as it finds them at its default tolerance.
  B <- mclustBIC(x,G=seq.int(1,maxG+1),modelNames=model,warn=FALSE,verbose=FALSE)
  fits <- lapply(seq.int(1,maxG+1), function(g) { f <- fields(summary(B,x,G=g,modelNames=model),NROW(x),NCOL(x),g,model); c(list(K=as.integer(g)),f[intersect(names(f),c("loglik","weights","means","variances","covariances"))]) })
  wr(case,c(L,list(status="ok",null_K=arr(as.integer(o$G)),observed_lrt=arr(o$obs),p_values=arr(o$p.value),boot_quantiles_prob=arr(c(.5,.9,.95,.99)),boot_quantiles=t(bq),fits=fits,note="observed_lrt[g] = 2*(loglik(K=g+1)-loglik(K=g)) at mclust's default tolerance and default starts; p = (1+#{boot>=obs})/(nboot+1). Monte-Carlo error of a p-value near 0.05 is about 0.007. mclust refits bootstrap samples by EM from the fitted parameters only (single start), so its null distribution is stochastically smaller than with multi-start refits.")))
  say(case,o$p.value,round(proc.time()[3]-t0,1))
}
lrt("faithful_waiting","faithful","waiting",1,"V",3,1); lrt("faithful_waiting","faithful","waiting",1,"E",3,1); lrt("faithful_eruptions","faithful","eruptions",1,"V",3,1)
lrt("galaxies","galaxies","MASS",1000,"V",4,1); lrt("galaxies","galaxies","MASS",1000,"E",6,1); lrt("acidity","acidity",NULL,1,"V",3,1); lrt("acidity","acidity",NULL,1,"E",3,1)
lrt("faithful","faithful",NULL,1,"VVV",3,1); lrt("faithful","faithful",NULL,1,"EEE",3,1); lrt("iris","iris",NULL,1,"VEV",3,1)
say("DONE")
