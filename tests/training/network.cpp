#include "autosampling/training/network.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/training/autocast.hpp"
#include "autosampling/training/make_network.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Allocator.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace autosampling {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Shape cifar{32, 32, 3};
const Shape imagenet{224, 224, 3};

std::int64_t parameter_count(const Network& network) {
    std::int64_t count = 0;
    for (const auto& parameter : network.parameters()) count += parameter.numel();
    return count;
}

std::vector<std::string> names(const torch::OrderedDict<std::string, at::Tensor>& tensors) {
    return tensors.keys();
}

std::vector<std::string> slice(const std::vector<std::string>& all, std::size_t first, std::size_t count) {
    return {all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

TEST(Network, parameter_counts_are_those_of_the_papers) {
    EXPECT_EQ(parameter_count(*make_network("resnet18", cifar, 10)), 11'173'962); // torchvision's, with a 3 × 3 stem
    EXPECT_EQ(parameter_count(*make_network("imagenet-resnet18", imagenet, 1000)), 11'689'512); // torchvision's
    EXPECT_EQ(parameter_count(*make_network("imagenet-resnet34", imagenet, 1000)), 21'797'672);
    EXPECT_EQ(parameter_count(*make_network("imagenet-resnet50", imagenet, 1000)), 25'557'032);
    EXPECT_EQ(parameter_count(*make_network("imagenet-densenet121", imagenet, 1000)), 7'978'856);
    EXPECT_EQ(parameter_count(*make_network("resnet34", cifar, 10)), 21'282'122);
    EXPECT_EQ(parameter_count(*make_network("resnet50", cifar, 10)), 23'520'842);
    EXPECT_EQ(parameter_count(*make_network("densenet121", cifar, 10)), 6'956'426);
    EXPECT_EQ(parameter_count(*make_network("resnet8", cifar, 10)), 78'042);
    EXPECT_EQ(parameter_count(*make_network("resnet20", cifar, 10)), 272'474);
    EXPECT_EQ(parameter_count(*make_network("mlp", {28, 28, 1}, 10)), 784 * 128 + 128 + 128 * 10 + 10);
    EXPECT_EQ(parameter_count(*make_network("convnet", {28, 28, 1}, 10)),
              9 * 16 + 2 * 16 + 9 * 16 * 32 + 2 * 32 + 32 * 49 * 10 + 10);
}

// The parameters of torchvision's ResNet of so many basic blocks a stage.
std::vector<std::string> torchvisions_names(const std::array<int, 4>& blocks) {
    std::vector<std::string> expected{"conv1.weight", "bn1.weight", "bn1.bias"};
    for (int layer = 1; layer <= 4; ++layer) {
        for (int block = 0; block < blocks[layer - 1]; ++block) {
            const std::string prefix = "layer" + std::to_string(layer) + "." + std::to_string(block) + ".";
            for (const char* name :
                 {"conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"})
                expected.push_back(prefix + name);
            if (layer == 1 || block > 0) continue;
            for (const char* name : {"0.weight", "1.weight", "1.bias"})
                expected.push_back(prefix + "downsample." + name);
        }
    }
    expected.insert(expected.end(), {"fc.weight", "fc.bias"});
    return expected;
}

TEST(Network, resnet18_and_resnet34_have_torchvisions_names_in_their_order) {
    const auto check = [](const std::string& name, const Shape& shape, std::int64_t size,
                          const std::array<int, 4>& blocks) {
        const auto network = make_network(name, shape, 10);
        const auto parameters = network->named_parameters();
        EXPECT_EQ(names(parameters), torchvisions_names(blocks)) << name;
        EXPECT_THAT(names(network->named_buffers()), Contains("layer4.0.downsample.1.running_var")) << name;
        EXPECT_THAT(parameters["conv1.weight"].sizes(), ElementsAre(64, 3, size, size)) << name;
        EXPECT_THAT(parameters["layer2.0.downsample.0.weight"].sizes(), ElementsAre(128, 64, 1, 1)) << name;
        EXPECT_THAT(parameters["fc.weight"].sizes(), ElementsAre(10, 512)) << name;
    };
    check("resnet18", cifar, 3, {2, 2, 2, 2});
    check("imagenet-resnet18", imagenet, 7, {2, 2, 2, 2});
    check("resnet34", cifar, 3, {3, 4, 6, 3});
    check("imagenet-resnet34", imagenet, 7, {3, 4, 6, 3});
}

TEST(Network, bottlenecks_and_dense_layers_have_torchvisions_names_in_their_order) {
    const auto resnet = make_network("imagenet-resnet50", imagenet, 10)->named_parameters();
    EXPECT_EQ(resnet.size(), 161U);
    EXPECT_THAT(slice(names(resnet), 3, 12),
                ElementsAre("layer1.0.conv1.weight", "layer1.0.bn1.weight", "layer1.0.bn1.bias",
                            "layer1.0.conv2.weight", "layer1.0.bn2.weight", "layer1.0.bn2.bias",
                            "layer1.0.conv3.weight", "layer1.0.bn3.weight", "layer1.0.bn3.bias",
                            "layer1.0.downsample.0.weight", "layer1.0.downsample.1.weight",
                            "layer1.0.downsample.1.bias"));
    const auto densenet = make_network("imagenet-densenet121", imagenet, 10)->named_parameters();
    EXPECT_EQ(densenet.size(), 364U);
    EXPECT_THAT(
        slice(names(densenet), 0, 9),
        ElementsAre("features.conv0.weight", "features.norm0.weight", "features.norm0.bias",
                    "features.denseblock1.denselayer1.norm1.weight", "features.denseblock1.denselayer1.norm1.bias",
                    "features.denseblock1.denselayer1.conv1.weight", "features.denseblock1.denselayer1.norm2.weight",
                    "features.denseblock1.denselayer1.norm2.bias", "features.denseblock1.denselayer1.conv2.weight"));
    EXPECT_THAT(names(densenet), Contains("features.transition3.conv.weight"));
    EXPECT_THAT(slice(names(densenet), 360, 4),
                ElementsAre("features.norm5.weight", "features.norm5.bias", "classifier.weight", "classifier.bias"));
}

TEST(Network, small_networks_have_these_names) {
    EXPECT_THAT(names(make_network("convnet", {28, 28, 1}, 10)->named_parameters()),
                ElementsAre("conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias",
                            "fc.weight", "fc.bias"));
    EXPECT_THAT(names(make_network("mlp", cifar, 10)->named_parameters()),
                ElementsAre("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"));
}

TEST(Network, every_network_gives_logits_for_every_shape_it_takes) {
    const std::vector<Shape> small{{16, 16, 1}, {28, 28, 1}, {33, 21, 3}};
    const std::vector<Shape> large{{64, 64, 1}, {97, 75, 3}};
    for (const std::string& name : network_names()) {
        for (const Shape& shape : name.starts_with("imagenet") ? large : small) {
            const auto network = make_network(name, shape, 7);
            network->initialise(1);
            const auto images =
                at::ones({2, shape.height(), shape.width(), shape.channels()}, at::kFloat).permute({0, 3, 1, 2});
            const at::Tensor logits = network->forward(images);
            EXPECT_THAT(logits.sizes(), ElementsAre(2, 7)) << name;
            EXPECT_TRUE(std::isfinite(logits.sum().item<float>())) << name;
        }
    }
}

ModelOptions model(const std::string& name, bool save_memory) {
    ModelOptions options;
    options.name = name;
    options.save_memory = save_memory;
    return options;
}

// Bytes that the allocator has given out and not taken back, while it lives.
class Meter : public c10::MemoryReportingInfoBase {
  public:
    void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) override { bytes += size; }
    bool memoryProfilingEnabled() const override { return true; }

    std::int64_t bytes = 0;
};

// The loss, and by its backward pass the gradients, and the statistics.
std::vector<at::Tensor> outcome(const Network& network, const at::Tensor& loss) {
    loss.backward();
    std::vector<at::Tensor> all{loss.detach()};
    for (const auto& parameter : network.parameters()) all.push_back(parameter.grad());
    for (const auto& statistic : network.buffers()) // but counters of batches, which have no effect
        if (statistic.is_floating_point()) all.push_back(statistic);
    return all;
}

TEST(Network, densenet_that_saves_memory_gives_the_same_bits) {
    struct Step {
        std::int64_t kept = 0; // bytes, between forward and backward
        std::vector<at::Tensor> result;
    };
    const auto step = [](bool save_memory) {
        at::set_num_threads(1);
        const auto network = make_network(model("densenet121", save_memory), {16, 16, 3}, 10);
        network->initialise(1);
        const auto images = at::linspace(-1, 1, 8 * 3 * 16 * 16).view({8, 3, 16, 16});
        const auto meter = std::make_shared<Meter>();
        const c10::DebugInfoGuard metering(c10::DebugInfoKind::PROFILER_STATE, meter);
        const at::Tensor loss = network->forward(images).square().mean();
        const std::int64_t kept = meter->bytes;
        return Step{kept, outcome(*network, loss)};
    };
    const Step plain = step(false), saving = step(true);
    ASSERT_EQ(plain.result.size(), saving.result.size());
    for (std::size_t i = 0; i < plain.result.size(); ++i)
        EXPECT_TRUE(plain.result[i].equal(saving.result[i])) << "tensor " << i;
    EXPECT_LT(2 * saving.kept, plain.kept);
}

// Of one thread batch norm and what follows are one pass; of several they are LibTorch's.
TEST(Network, step_of_one_thread_is_that_of_several) {
    const auto step = [](const char* name, Precision precision, int threads) {
        at::set_num_threads(threads);
        const auto network = make_network(name, {16, 16, 3}, 10);
        network->initialise(1);
        at::Tensor loss;
        {
            const Autocast autocast(precision, at::kCPU);
            const at::Tensor wave = at::linspace(-1, 1, 8 * 16 * 16 * 3).mul(1000).sin();
            loss = network->forward(wave.view({8, 16, 16, 3}).permute({0, 3, 1, 2})).to(at::kFloat).square().mean();
        }
        return outcome(*network, loss);
    };
    const auto apart = [](const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
        double difference = 0, size = 0; // squared norms, relative to each tensor's
        for (std::size_t i = 0; i < one.size(); ++i) {
            difference += ((one[i] - other[i]).square().sum() / (other[i].square().sum() + 1e-12)).item<double>();
            size += 1;
        }
        return std::sqrt(difference / size);
    };
    for (const char* name : {"convnet", "resnet8", "resnet18"}) {
        const auto exact = step(name, Precision::fp32, 2);
        EXPECT_LT(apart(step(name, Precision::fp32, 1), exact), 0.01) << name;
        const double theirs = apart(step(name, Precision::bf16, 2), exact);
        EXPECT_LT(apart(step(name, Precision::bf16, 1), exact), 1.3 * theirs) << name << " in bf16";
    }
    at::set_num_threads(1);
}

// Without gradients a CPU's convolution, what is added and the ReLU are one pass; with them they are LibTorch's.
TEST(Network, inference_without_gradients_is_that_with_them) {
    at::set_num_threads(1);
    const at::Tensor images =
        at::linspace(-1, 1, 8 * 16 * 16 * 3).mul(1000).sin().view({8, 16, 16, 3}).permute({0, 3, 1, 2});
    for (const char* name : {"convnet", "resnet8", "resnet50", "densenet121"}) {
        const auto network = make_network(name, {16, 16, 3}, 10);
        network->initialise(1);
        network->forward(images); // statistics that aren't the initial ones
        const auto logits = [&](Precision precision, bool with_gradients) {
            network->eval();
            const at::AutoGradMode mode(with_gradients);
            const Autocast autocast(precision, at::kCPU);
            network->forward(images); // the second time by weights that the first one made
            return network->forward(images).to(at::kFloat).detach();
        };
        const at::Tensor exact = logits(Precision::fp32, true);
        const auto apart = [&](const at::Tensor& found) { return (found - exact).norm().item<double>(); };
        EXPECT_LT(apart(logits(Precision::fp32, false)), 1e-4 * exact.norm().item<double>()) << name;
        EXPECT_LT(apart(logits(Precision::bf16, false)), 1.3 * apart(logits(Precision::bf16, true))) << name;
    }
}

TEST(Network, memory_is_saved_by_densenets_alone) {
    EXPECT_THROW(make_network(model("resnet8", true), cifar, 10), Error);
}

TEST(Network, unknown_name_and_small_image_are_usage_errors) {
    const auto message = [](const std::string& name, const Shape& shape) -> std::string {
        try {
            make_network(name, shape, 10);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::usage);
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(message("resnet51", cifar), HasSubstr("unknown network 'resnet51'"));
    EXPECT_THAT(message("resnet51", cifar), HasSubstr("take one of resnet8, resnet20, resnet18, resnet34, resnet50, "));
    EXPECT_THAT(message("resnet51", cifar), HasSubstr("imagenet-densenet121, convnet, mlp"));
    EXPECT_THAT(message("resnet18", {8, 32, 3}), HasSubstr("8 × 32 pixels"));
    EXPECT_THAT(message("imagenet-resnet34", {224, 63, 3}), HasSubstr("224 × 63 pixels (it needs 64 × 64 or more)"));
    EXPECT_EQ(message("mlp", {1, 1, 1}), "");
}

TEST(InitialState, is_a_function_of_the_seed_alone) {
    const auto weights = [](std::uint64_t seed, std::int64_t torch_draws) {
        at::rand({torch_draws});
        const auto network = make_network("resnet8", cifar, 10);
        network->initialise(seed);
        std::vector<at::Tensor> flat;
        for (const auto& parameter : network->parameters()) flat.push_back(parameter.detach().flatten());
        return at::cat(flat);
    };
    const at::Tensor one = weights(1, 0);
    EXPECT_TRUE(one.equal(weights(1, 17)));
    EXPECT_FALSE(one.equal(weights(2, 0)));
}

TEST(InitialState, has_torchvisions_distributions) {
    const auto network = make_network("resnet18", cifar, 10);
    for (auto& tensor : network->parameters()) tensor.detach().fill_(-1);
    for (auto& tensor : network->buffers()) tensor.fill_(3);
    network->initialise(1);
    const auto parameters = network->named_parameters();
    const at::Tensor conv = parameters["layer4.1.conv2.weight"].detach(); // 2.4 million draws
    const double deviation = std::sqrt(2.0 / (512 * 9));
    EXPECT_NEAR(conv.mean().item<double>() / deviation, 0, 5 / std::sqrt(2.4e6));
    EXPECT_NEAR(conv.std().item<double>() / deviation, 1, 5 / std::sqrt(2 * 2.4e6));
    EXPECT_NEAR((conv / deviation).pow(4).mean().item<double>(), 3, 5 * std::sqrt(96 / 2.4e6));
    const at::Tensor fc = parameters["fc.weight"].detach(); // uniform within ±1 / √512
    EXPECT_LE(fc.abs().max().item<double>() * std::sqrt(512.0), 1);
    EXPECT_NEAR(fc.pow(2).mean().item<double>() * 512, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / 5120));
    EXPECT_TRUE(parameters["bn1.weight"].equal(at::ones({64})));
    EXPECT_TRUE(parameters["bn1.bias"].equal(at::zeros({64})));
    EXPECT_TRUE(network->named_buffers()["bn1.running_mean"].equal(at::zeros({64})));
    EXPECT_TRUE(network->named_buffers()["bn1.running_var"].equal(at::ones({64})));
    const at::Tensor other = parameters["layer4.1.conv1.weight"].detach();
    EXPECT_LT(std::abs((conv * other).mean().item<double>()) / (deviation * deviation), 5 / std::sqrt(2.4e6));
}

TEST(InitialState, densenet_goes_by_the_fan_in_and_has_no_bias) {
    const auto network = make_network("densenet121", cifar, 10);
    network->initialise(1);
    const auto parameters = network->named_parameters();
    const at::Tensor conv = parameters["features.denseblock4.denselayer16.conv1.weight"].detach(); // (128, 992, 1, 1)
    EXPECT_NEAR(conv.std().item<double>() / std::sqrt(2.0 / 992), 1, 5 / std::sqrt(2 * 127e3));
    EXPECT_TRUE(parameters["classifier.bias"].equal(at::zeros({10})));
    EXPECT_LE(parameters["classifier.weight"].detach().abs().max().item<double>() * std::sqrt(1024.0), 1);
}

} // namespace
} // namespace autosampling
