#include "autosampling/training/network.hpp"
#include "autosampling/base/error.hpp"

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

std::vector<std::string> names(const torch::OrderedDict<std::string, torch::Tensor>& tensors) {
    return tensors.keys();
}

TEST(Network, parameter_counts_are_those_of_the_papers) {
    EXPECT_EQ(parameter_count(*make_network("resnet18", cifar, 10)), 11'173'962); // torchvision's, with a 3 × 3 stem
    EXPECT_EQ(parameter_count(*make_network("imagenet-resnet18", imagenet, 1000)), 11'689'512); // torchvision's
    EXPECT_EQ(parameter_count(*make_network("imagenet-resnet34", imagenet, 1000)), 21'797'672);
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

TEST(Network, resnet18_and_those_for_imagenet_have_torchvisions_names_in_their_order) {
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
    check("imagenet-resnet34", imagenet, 7, {3, 4, 6, 3});
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
    const std::vector<Shape> large{{64, 64, 1}, {97, 75, 3}, imagenet};
    for (const std::string& name : network_names()) {
        for (const Shape& shape : name.starts_with("imagenet") ? large : small) {
            const auto network = make_network(name, shape, 7);
            network->initialise(1);
            const auto images =
                torch::ones({2, shape.height(), shape.width(), shape.channels()}, torch::kFloat).permute({0, 3, 1, 2});
            const torch::Tensor logits = network->forward(images);
            EXPECT_THAT(logits.sizes(), ElementsAre(2, 7)) << name;
            EXPECT_TRUE(std::isfinite(logits.sum().item<float>())) << name;
        }
    }
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
    EXPECT_THAT(message("resnet50", cifar), HasSubstr("unknown network 'resnet50'"));
    EXPECT_THAT(message("resnet50", cifar),
                HasSubstr("resnet8, resnet20, resnet18, imagenet-resnet18, imagenet-resnet34, convnet, mlp"));
    EXPECT_THAT(message("resnet18", {8, 32, 3}), HasSubstr("8 × 32 pixels"));
    EXPECT_THAT(message("imagenet-resnet34", {224, 63, 3}), HasSubstr("224 × 63 pixels (it needs 64 × 64 or more)"));
    EXPECT_EQ(message("mlp", {1, 1, 1}), "");
}

TEST(InitialState, is_a_function_of_the_seed_alone) {
    const auto weights = [](std::uint64_t seed, std::int64_t torch_draws) {
        torch::rand({torch_draws});
        const auto network = make_network("resnet8", cifar, 10);
        network->initialise(seed);
        std::vector<torch::Tensor> flat;
        for (const auto& parameter : network->parameters()) flat.push_back(parameter.detach().flatten());
        return torch::cat(flat);
    };
    const torch::Tensor one = weights(1, 0);
    EXPECT_TRUE(one.equal(weights(1, 17)));
    EXPECT_FALSE(one.equal(weights(2, 0)));
}

TEST(InitialState, has_torchvisions_distributions) {
    const auto network = make_network("resnet18", cifar, 10);
    for (auto& tensor : network->parameters()) tensor.detach().fill_(-1);
    for (auto& tensor : network->buffers()) tensor.fill_(3);
    network->initialise(1);
    const auto parameters = network->named_parameters();
    const torch::Tensor conv = parameters["layer4.1.conv2.weight"].detach(); // 2.4 million draws
    const double deviation = std::sqrt(2.0 / (512 * 9));
    EXPECT_NEAR(conv.mean().item<double>() / deviation, 0, 5 / std::sqrt(2.4e6));
    EXPECT_NEAR(conv.std().item<double>() / deviation, 1, 5 / std::sqrt(2 * 2.4e6));
    EXPECT_NEAR((conv / deviation).pow(4).mean().item<double>(), 3, 5 * std::sqrt(96 / 2.4e6));
    const torch::Tensor fc = parameters["fc.weight"].detach(); // uniform within ±1 / √512
    EXPECT_LE(fc.abs().max().item<double>() * std::sqrt(512.0), 1);
    EXPECT_NEAR(fc.pow(2).mean().item<double>() * 512, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / 5120));
    EXPECT_TRUE(parameters["bn1.weight"].equal(torch::ones({64})));
    EXPECT_TRUE(parameters["bn1.bias"].equal(torch::zeros({64})));
    EXPECT_TRUE(network->named_buffers()["bn1.running_mean"].equal(torch::zeros({64})));
    EXPECT_TRUE(network->named_buffers()["bn1.running_var"].equal(torch::ones({64})));
    const torch::Tensor other = parameters["layer4.1.conv1.weight"].detach();
    EXPECT_LT(std::abs((conv * other).mean().item<double>()) / (deviation * deviation), 5 / std::sqrt(2.4e6));
}

} // namespace
} // namespace autosampling
