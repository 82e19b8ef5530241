#include "autosampling/training/sgd.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/optim/sgd.h>

namespace autosampling {
namespace {

TEST(Sgd, equals_torch_optim_sgd) {
    for (const auto& [momentum, nesterov, weight_decay] : {std::tuple{0.0, false, 0.0},
                                                           {0.0, false, 1e-2},
                                                           {0.9, false, 0.0},
                                                           {0.9, false, 1e-2},
                                                           {0.9, true, 0.0},
                                                           {0.9, true, 1e-2},
                                                           {0.5, true, 5e-4}}) {
        SCOPED_TRACE(testing::Message() << momentum << ' ' << nesterov << ' ' << weight_decay);
        TrainingOptions options;
        options.momentum = momentum;
        options.nesterov = nesterov;
        options.weight_decay = weight_decay;
        const auto network = make_network("convnet", {14, 14, 1}, 10);
        network->initialise(1);
        std::vector<at::Tensor> plain;
        for (const auto& parameter : network->parameters())
            plain.push_back(parameter.detach().clone().requires_grad_());
        torch::optim::SGD reference(
            plain, torch::optim::SGDOptions(0.1).momentum(momentum).nesterov(nesterov).weight_decay(weight_decay));
        const FlatState state(*network, at::kCPU);

        at::manual_seed(1);
        for (int step = 0; step < 10; ++step) {
            const double rate = 0.1 / (1 + step);
            reference.param_groups()[0].options().set_lr(rate);
            const auto parameters = network->parameters();
            for (std::size_t i = 0; i < plain.size(); ++i) {
                plain[i].mutable_grad() = at::randn(plain[i].sizes());
                parameters[i].grad().copy_(plain[i].grad());
            }
            reference.step();
            sgd_step(state, options, rate, options.weight_decay);
            for (std::size_t i = 0; i < plain.size(); ++i) {
                EXPECT_TRUE(parameters[i].allclose(plain[i], 1e-6, 1e-6)) << "step " << step << ", parameter " << i;
            }
            EXPECT_EQ(state.gradients().abs().max().item<float>(), 0);
        }
    }
}

} // namespace
} // namespace autosampling
