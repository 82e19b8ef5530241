#include "autosampling/training/script.hpp"

#include "autosampling/base/counted.hpp"
#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hash.hpp"
#include "autosampling/training/network.hpp"

#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace autosampling {
namespace {

namespace nn = torch::nn;
namespace jit = torch::jit;
using at::Tensor;

constexpr std::string_view prefix = "torchscript:";

// The content of the file that a name means.
std::string read_script(const std::string& name) {
    try {
        return read_file(name.substr(prefix.size()));
    } catch (const Error& error) {
        throw Error(ExitCode::usage, text("model.name = ", name, " can't be read (", error.what(),
                                          "): give a file that torch.jit.script(network).save(FILE) has made"));
    }
}

// What PyTorch says, but for where and for advice: the line that names an error, or else the last one.
std::string cause(const std::exception& error) {
    const auto* const own = dynamic_cast<const c10::Error*>(&error);
    std::istringstream lines(own ? own->what_without_backtrace() : error.what());
    std::string last = "no reason given";
    for (std::string line; std::getline(lines, line);) {
        if (line.find_first_not_of(" \t") != std::string::npos) last = line;
        if (line.find("Error: ") != std::string::npos) break;
    }
    return last.substr(0, last.find(". "));
}

bool holds_tensor(const c10::IValue& value) {
    bool found = false;
    value.visit([&](const c10::IValue& part) {
        found = found || part.isTensor() || part.isCapsule();
        return found;
    });
    return found;
}

// action(name, value, slot) for everything that a module itself keeps; names begin with `path`.
template<class Action>
void each_slot(const jit::Module& script, const std::string& path, Action action) {
    const auto type = script.type();
    for (std::size_t slot = 0; slot < type->numAttributes(); ++slot)
        action(path + type->getAttributeName(slot), script._ivalue()->getSlot(slot), slot);
}

// What a module and those in it keep besides tensors, in words, by name.
std::map<std::string, std::string> attributes_of(const jit::Module& script, const std::string& path = "") {
    std::map<std::string, std::string> found;
    each_slot(script, path, [&](const std::string& name, const c10::IValue& value, std::size_t) {
        if (value.isModule())
            found.merge(attributes_of(value.toModule(), name + "."));
        else if (!holds_tensor(value))
            found[name] = text(value);
    });
    return found;
}

// Error(usage) of a part of a network.
void require_part(bool good, const std::string& network, const std::string& part, const char* why,
                  const char* hint = "keep what changes in buffers (register_buffer), and change them in place (copy_, "
                                     "add_)") {
    VALIDATE(good, ExitCode::usage, "the network ", network, " can't be trained here (its ", part, " ", why,
             "): ", hint);
}

// Whether batch norm or dropout in a block goes by a constant, and not by whether the network is being trained.
bool is_fixed(const jit::Block& block) {
    static const std::map<std::string_view, std::size_t> place_of_training{
        {"aten::batch_norm", 5}, {"aten::dropout", 2}, {"aten::feature_dropout", 2}, {"aten::alpha_dropout", 2}};
    return std::ranges::any_of(block.nodes(), [](const jit::Node* node) {
        const auto known = place_of_training.find(node->kind().toQualString());
        if (known != place_of_training.end() && node->input(known->second)->node()->kind() == c10::prim::Constant)
            return true;
        return std::ranges::any_of(node->blocks(), [](const jit::Block* inner) { return is_fixed(*inner); });
    });
}

// Finds the tensors of a TorchScript module, which become parameters and buffers of the same names in a module of
// PyTorch's C++ interface, and refuses what a member's state couldn't hold.
class TensorFinder {
  public:
    explicit TensorFinder(std::string name) : name_(std::move(name)) {}

    // A tensor that has two names is found under the first: loading made two of it, and here it becomes one again.
    void find(const jit::Module& script, nn::Module& found, const std::string& path = "") {
        each_slot(script, path, [&](const std::string& name, const c10::IValue& value, std::size_t slot) {
            const std::string own_name = name.substr(path.size());
            if (value.isModule()) {
                find(value.toModule(), *found.register_module(own_name, std::make_shared<nn::Module>(own_name)),
                     name + ".");
            } else if (value.isTensor() && value.toTensor().defined()) {
                const Tensor& tensor = value.toTensor();
                if (const Tensor* const known = same_as(tensor))
                    script._ivalue()->setSlot(slot, *known);
                else
                    add(tensor, found, own_name, name);
            }
        });
    }

    // After find: a list of tensors, such as an LSTM's weights, gets those that were found.
    void check(const jit::Module& script, const std::string& path = "") const {
        each_slot(script, path, [&](const std::string& name, const c10::IValue& value, std::size_t) {
            if (value.isModule()) return check(value.toModule(), name + ".");
            if (value.isTensor() || !holds_tensor(value)) return;
            require_part(value.isTensorList(), name_, name, "holds tensors and is none");
            auto list = value.toTensorList();
            for (std::size_t i = 0; i < list.size(); ++i) {
                const Tensor* const known = same_as(list[i]);
                require_part(known, name_, name, "holds tensors and is none");
                list.set(i, *known);
            }
        });
        for (const jit::Method& method : script.get_methods()) check_assignments(*method.graph()->block(), path);
    }

  private:
    void add(const Tensor& tensor, nn::Module& found, const std::string& own_name, const std::string& name) {
        const bool whole_numbers = c10::isIntegralType(tensor.scalar_type(), /*includeBool=*/true);
        require_part(tensor.scalar_type() == at::kFloat || whole_numbers, name_, name,
                     "is neither of float32 nor of whole numbers",
                     "convert it by network.float() before it is scripted");
        require_part(tensor.dim() <= 4 && tensor.numel() > 0, name_, name,
                     "has more than four dimensions, or no elements",
                     "give it another shape (a three-dimensional convolution has five)");
        if (tensor.requires_grad())
            found.register_parameter(own_name, tensor);
        else
            found.register_buffer(own_name, tensor);
        found_.push_back(tensor);
    }

    const Tensor* same_as(const Tensor& tensor) const {
        const auto same = std::ranges::find_if(found_, [&](const Tensor& each) {
            return each.numel() > 0 && each.data_ptr() == tensor.data_ptr() && each.sizes() == tensor.sizes() &&
                   each.strides() == tensor.strides();
        });
        return same == found_.end() ? nullptr : &*same;
    }

    void check_assignments(const jit::Block& block, const std::string& path) const {
        for (const jit::Node* const node : block.nodes()) {
            require_part(node->kind() != c10::prim::SetAttr, name_,
                         path + (node->hasAttribute(c10::attr::name) ? node->s(c10::attr::name) : ""),
                         "is assigned while it runs");
            for (const jit::Block* const inner : node->blocks()) check_assignments(*inner, path);
        }
    }

    std::string name_; // of the network
    std::vector<Tensor> found_;
};

jit::Module load_module(const std::string& name) {
    std::istringstream in(read_script(name));
    try {
        return jit::load(in, at::kCPU);
    } catch (const std::exception& error) {
        throw Error(ExitCode::usage, text("the network ", name, " is no TorchScript file (", cause(error),
                                          "): make it by torch.jit.script(network).save(FILE)"));
    }
}

class ScriptNetwork : public Network {
  public:
    ScriptNetwork(const std::string& name, const Shape& shape, int classes) : name_(name), script_(load_module(name)) {
        TensorFinder finder(name);
        finder.find(script_, *this);
        finder.check(script_);
        VALIDATE(!parameters().empty(), ExitCode::usage, "the network ", name,
                 " has no parameters to learn (it was frozen, or none requires a gradient): save it by "
                 "torch.jit.script(network).save(FILE), as it is trained");
        channels_last_ = std::ranges::any_of(parameters(), [](const Tensor& parameter) {
            return !parameter.is_contiguous() && parameter.is_contiguous(at::MemoryFormat::ChannelsLast);
        });
        try_out(shape, classes);
    }

    Tensor forward(const Tensor& images) override { return run(script_, images).toTensor(); }

    // As it was saved, whatever the seed.
    void initialise(std::uint64_t) override {}

    bool repeats() const override { return false; } // its code may look at numbers

    void train(bool on) override {
        nn::Module::train(on);
        script_.train(on);
    }

  private:
    // As it stands, without the interpreter's optimisations: these come after some batches and may change bits, and a
    // resumed run would have them later.
    c10::IValue run(jit::Module script, const Tensor& images) const {
        const jit::GraphOptimizerEnabledGuard plain(false);
        return script.forward({channels_last_ ? images : images.contiguous()});
    }

    // Two examples of zeros through a copy, as in evaluation and as in training.
    void try_out(const Shape& shape, int classes) const {
        for (const bool training : {false, true}) {
            jit::Module copy = script_.deepcopy();
            copy.train(training);
            const auto before = attributes_of(copy);
            const c10::IValue output = try_forward(copy, shape);
            for (const auto& [name, value] : attributes_of(copy))
                require_part(before.at(name) == value, name_, name, "changes while it runs");
            const std::vector<std::int64_t> wanted{tried, classes};
            VALIDATE(output.isTensor() && output.toTensor().sizes() == wanted, ExitCode::usage, "the network ", name_,
                     " gives ", output.isTensor() ? text(output.toTensor().sizes()) : output.tagKind(), " for ",
                     counted(tried, "example"), " (the data set has ", counted(classes, "class"),
                     "): script one that gives ", c10::IntArrayRef(wanted), ", the logits");
            VALIDATE(output.toTensor().requires_grad() || !training, ExitCode::usage, "the network ", name_,
                     " can't learn (its output has no gradient): script one without no_grad and detach");
        }
    }

    c10::IValue try_forward(const jit::Module& copy, const Shape& shape) const {
        std::vector<std::int64_t> lengths{tried};
        lengths.insert(lengths.end(), shape.lengths().begin(), shape.lengths().end());
        const Tensor examples = at::zeros(lengths);
        try {
            return run(copy, shape.is_image() ? examples.permute({0, 3, 1, 2}) : examples);
        } catch (const std::exception& error) {
            const std::string why = cause(error);
            const auto speaks_of = [&](std::string_view word) { return why.find(word) != std::string::npos; };
            // Without CUDA, without a driver and with a GPU.
            const bool elsewhere = speaks_of("CUDA") || speaks_of("NVIDIA driver") || speaks_of("same device");
            throw Error(ExitCode::usage,
                        text("the network ", name_, " can't take examples of ", shape, " (", why, "): script one ",
                             elsewhere ? "that makes its tensors on the device of its input" : "for this data set"));
        }
    }

    static constexpr std::int64_t tried = 2;
    std::string name_;
    jit::Module script_;
    bool channels_last_ = false;
};

} // namespace

bool is_script(const std::string& name) {
    return name.starts_with(prefix);
}

std::string script_hash(const std::string& name) {
    return is_script(name) ? hex(hash_of(std::span<const char>(read_script(name)))) : "";
}

bool ignores_training(const std::string& name) {
    if (!is_script(name)) return false;
    const jit::Module script = load_module(name); // whose methods the graph calls until they are inlined
    const std::shared_ptr<jit::Graph> graph = script.get_method("forward").graph()->copy();
    jit::Inline(*graph);
    return is_fixed(*graph->block());
}

std::shared_ptr<Network> load_script(const std::string& name, const Shape& shape, int classes) {
    return std::make_shared<ScriptNetwork>(name, shape, classes);
}

} // namespace autosampling
