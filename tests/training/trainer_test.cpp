// One step against plain PyTorch, and what a trainer's results may depend on.
#include "images.hpp"

#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace autosampling {
namespace {

namespace F = torch::nn::functional;
