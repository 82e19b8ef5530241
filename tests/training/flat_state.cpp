#include "autosampling/training/flat_state.hpp"
#include "autosampling/training/make_network.hpp"
#include "autosampling/training/network.hpp"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace autosampling {
namespace {

struct Case {
    std::shared_ptr<Network> network = make_network("resnet8", {32, 32, 3}, 10);
    std::map<std::string, at::Tensor> before; // by name, copies
    FlatState state;

    Case() : state((network->initialise(1), remember(), *network), at::kCPU) {}

    void remember() {
        for (const auto& item : network->named_parameters()) before[item.key()] = item.value().detach().clone();
        for (const auto& item : network->named_buffers()) before[item.key()] = item.value().clone();
    }
};

TEST(FlatState, holds_parameters_momentum_and_statistics_in_this_order) {
    Case c;
    const auto parameters = c.network->named_parameters();
    const auto& entries = c.state.layout();
    ASSERT_EQ(entries.size(), 2 * parameters.size() + 2 * 9); // 9 batch norms
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const StateTensor& momentum = entries[parameters.size() + i];
        EXPECT_EQ(entries[i].name, parameters[i].key());
        EXPECT_EQ(momentum.name, "momentum." + parameters[i].key());
        EXPECT_EQ(momentum.shape, entries[i].shape);
        EXPECT_EQ(momentum.channels_last, entries[i].channels_last);
        EXPECT_EQ(momentum.offset - entries[i].offset, c.state.parameters().numel());
    }
    EXPECT_EQ(entries[2 * parameters.size()].name, "bn1.running_mean");
    for (const StateTensor& entry : entries) EXPECT_EQ(entry.name.find("num_batches_tracked"), std::string::npos);
}

TEST(FlatState, tensors_are_aligned_and_apart_and_padding_is_zero) {
    Case c;
    std::vector<bool> used(c.state.host().size());
    for (const StateTensor& entry : c.state.layout()) {
        EXPECT_EQ(entry.offset % 16, 0) << entry.name;
        const at::Tensor view = view_of(entry, c.state.buffer());
        for (std::int64_t i = 0; i < view.numel(); ++i) {
            const auto place = static_cast<std::size_t>(entry.offset + i);
            ASSERT_FALSE(used[place]) << entry.name;
            used[place] = true;
        }
    }
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(c.state.host().data()) % 64, 0U);
    for (std::size_t i = 0; i < used.size(); ++i) {
        EXPECT_TRUE(used[i] || c.state.host()[i] == 0) << i;
    }
}

TEST(FlatState, keeps_the_values_and_the_network_sees_the_buffer) {
    Case c;
    for (const StateTensor& entry : c.state.layout()) {
        if (!c.before.contains(entry.name)) continue; // momentum
        EXPECT_TRUE(view_of(entry, c.state.buffer()).equal(c.before[entry.name])) << entry.name;
    }
    std::ranges::fill(c.state.host(), 2.0F);
    for (const auto& parameter : c.network->parameters()) EXPECT_EQ(parameter.min().item<float>(), 2.0F);
    for (const auto& item : c.network->named_buffers()) {
        if (!item.value().is_floating_point()) continue;
        EXPECT_EQ(item.value().min().item<float>(), 2.0F) << item.key();
    }
}

TEST(FlatState, convolutions_are_channels_last) {
    Case c;
    const auto weight = c.network->named_parameters()["layer1.0.conv1.weight"]; // (16, 16, 3, 3)
    EXPECT_TRUE(weight.is_contiguous(at::MemoryFormat::ChannelsLast));
    const auto entry = std::ranges::find(c.state.layout(), "layer1.0.conv1.weight", &StateTensor::name);
    EXPECT_TRUE(entry->channels_last);
    // Element (o, i, y, x) lies at ((o · 3 + y) · 3 + x) · 16 + i.
    EXPECT_EQ(weight[2][5][1][2].item<float>(),
              c.state.host()[static_cast<std::size_t>(entry->offset) + ((2 * 3 + 1) * 3 + 2) * 16 + 5]);
}

TEST(FlatState, gradients_accumulate_in_place) {
    Case c;
    const auto images = at::ones({4, 3, 32, 32});
    c.network->forward(images).sum().backward();
    const at::Tensor once = c.state.gradients().clone();
    EXPECT_GT(once.abs().max().item<float>(), 0);
    const auto parameters = c.network->named_parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const at::Tensor view = view_of(c.state.layout()[i], c.state.gradients());
        EXPECT_EQ(parameters[i].value().grad().data_ptr(), view.data_ptr()) << parameters[i].key();
        EXPECT_EQ(parameters[i].value().grad().strides(), view.strides()) << parameters[i].key();
    }
    c.network->forward(images).sum().backward();
    EXPECT_TRUE(c.state.gradients().allclose(2 * once));
}

} // namespace
} // namespace autosampling
